import { type AlertCondition, AlertSeverity } from "@nightbell/contract";
import type { ReactNode } from "react";
import { Button } from "../../../ui/Button.js";
import { Card } from "../../../ui/Card.js";
import { Checkbox, Field, Select, TextInput, UnitInput } from "../../../ui/Field.js";
import { SelectorFields } from "../SelectorFields.js";
import { conditionLabels, severityLabels } from "../words.js";
import { type ConditionField, conditionFields, type RuleDraft } from "./draft.js";

type Errors = Readonly<Record<string, string>>;

export function RuleFormView({
  draft,
  errors,
  notice,
  submitLabel,
  isSaving,
  aside,
  onChange,
  onSubmit,
  onCancel,
}: {
  draft: RuleDraft;
  errors: Errors;
  notice: ReactNode;
  submitLabel: string;
  isSaving: boolean;
  aside: ReactNode;
  onChange: (draft: RuleDraft) => void;
  onSubmit: () => void;
  onCancel: () => void;
}) {
  const set = (change: Partial<RuleDraft>) => onChange({ ...draft, ...change });
  return (
    <div className="grid items-start gap-5 pb-16 lg:grid-cols-[minmax(0,1fr)_24rem]">
      <form
        noValidate
        className="grid gap-5"
        onSubmit={(event) => {
          event.preventDefault();
          onSubmit();
        }}
      >
        {notice}
        <Card title="What it watches">
          <div className="grid gap-5 p-4 sm:p-5">
            <Field label="Name" error={errors["name"]}>
              {(control) => (
                <TextInput
                  {...control}
                  value={draft.name}
                  autoComplete="off"
                  onChange={(event) => set({ name: event.target.value })}
                />
              )}
            </Field>
            <SelectorFields
              value={draft.selector}
              error={errorBelow(errors, "selector")}
              onChange={(selector) => set({ selector })}
            />
          </div>
        </Card>
        <ConditionCard draft={draft} errors={errors} set={set} />
        <Card title="How it counts">
          <div className="grid gap-5 p-4 sm:grid-cols-2 sm:p-5">
            <Field
              label="Locations that must agree"
              hint="A number, or all; a job with fewer needs all of its own"
              error={errors["quorum"]}
            >
              {(control) => (
                <TextInput
                  {...control}
                  value={draft.quorum}
                  autoComplete="off"
                  onChange={(event) => set({ quorum: event.target.value.trim().toLowerCase() })}
                />
              )}
            </Field>
            <Field label="Severity" error={errors["severity"]}>
              {(control) => (
                <Select
                  {...control}
                  value={draft.severity}
                  onChange={(event) => set({ severity: AlertSeverity.parse(event.target.value) })}
                >
                  {AlertSeverity.options.map((severity) => (
                    <option key={severity} value={severity}>
                      {severityLabels[severity].label}
                    </option>
                  ))}
                </Select>
              )}
            </Field>
            <Checkbox
              label="Switched on"
              hint="A rule that is off is not evaluated; its alerts are resolved"
              checked={draft.isEnabled}
              onChange={(event) => set({ isEnabled: event.target.checked })}
            />
          </div>
        </Card>
        <div className="flex justify-end gap-2">
          <Button onClick={onCancel}>Cancel</Button>
          <Button type="submit" look="primary" isBusy={isSaving}>
            {submitLabel}
          </Button>
        </div>
      </form>
      {aside}
    </div>
  );
}

function ConditionCard({
  draft,
  errors,
  set,
}: {
  draft: RuleDraft;
  errors: Errors;
  set: (change: Partial<RuleDraft>) => void;
}) {
  const { kind, values } = draft;
  const fields = (some: readonly ConditionField[]) =>
    some.map(({ path, label, unit, isOptional }) => (
      <Field
        key={`${kind} ${path}`}
        label={label}
        isOptional={isOptional === true}
        error={errors[`condition.${path}`]}
      >
        {(control) => (
          <UnitInput
            {...control}
            unit={unit}
            value={values[kind][path] ?? ""}
            onChange={(event) =>
              set({ values: { ...values, [kind]: { ...values[kind], [path]: event.target.value } } })
            }
          />
        )}
      </Field>
    ));
  return (
    <Card title="Alert when">
      <div className="grid gap-5 p-4 sm:p-5">
        <Field label="Condition" hint={conditionLabels[kind].explains}>
          {(control) => (
            <Select
              {...control}
              value={kind}
              onChange={(event) => set({ kind: event.target.value as AlertCondition["kind"] })}
            >
              {Object.entries(conditionLabels).map(([value, { label }]) => (
                <option key={value} value={value}>
                  {label}
                </option>
              ))}
            </Select>
          )}
        </Field>
        {kind === "latency" && (
          <div className="grid gap-4 sm:grid-cols-3">
            <Field label="Measure">
              {(control) => (
                <Select
                  {...control}
                  value={draft.measure}
                  onChange={(event) => set({ measure: event.target.value as RuleDraft["measure"] })}
                >
                  <option value="rtt">RTT</option>
                  <option value="jitter">Jitter</option>
                </Select>
              )}
            </Field>
            <Field label="Statistic">
              {(control) => (
                <Select
                  {...control}
                  value={draft.statistic}
                  onChange={(event) => set({ statistic: event.target.value as RuleDraft["statistic"] })}
                >
                  <option value="avg">Average</option>
                  <option value="p95">p95</option>
                  <option value="max">Maximum</option>
                </Select>
              )}
            </Field>
          </div>
        )}
        <div className="grid items-start gap-4 sm:grid-cols-3">{fields(conditionFields[kind].trigger)}</div>
        <fieldset className="grid gap-3 border-t border-line pt-4">
          <legend className="eyebrow float-left mb-3 w-full">Good again</legend>
          <div className="clear-both grid items-start gap-4 sm:grid-cols-3">
            {fields(conditionFields[kind].recovery)}
          </div>
        </fieldset>
      </div>
    </Card>
  );
}

/** The first message at a path or below it. */
function errorBelow(errors: Errors, path: string): string | undefined {
  return errors[path] ?? Object.entries(errors).find(([key]) => key.startsWith(`${path}.`))?.[1];
}
