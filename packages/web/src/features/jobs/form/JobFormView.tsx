// The form of a job, for making and editing alike: what to measure, how often, from when on it is too slow, details.
import { JobType, targetHints } from "@nightbell/contract";
import { useEffect, useRef, type ReactNode } from "react";
import { Button } from "../../../ui/Button.js";
import { Card } from "../../../ui/Card.js";
import { Field, TextInput, UnitInput } from "../../../ui/Field.js";
import { Icon } from "../../../ui/Icon.js";
import { typeLabels } from "../words.js";
import { CadenceFields } from "./CadenceFields.js";
import { AdvancedFields } from "./options/AdvancedFields.js";
import { SimulationFields } from "./SimulationFields.js";
import { suggestType } from "./suggestType.js";
import { TestPanel } from "./TestPanel.js";
import type { JobForm } from "./useJobForm.js";
import { useProbeTest } from "./useProbeTest.js";

export function JobFormView({
  form,
  mode,
  notice,
  isSaving,
  onSubmit,
  onCancel,
}: {
  form: JobForm;
  mode: "new" | "edit";
  notice?: ReactNode;
  isSaving: boolean;
  onSubmit: () => void;
  onCancel: () => void;
}) {
  const element = useRef<HTMLFormElement>(null);
  // What the server refused may be out of sight.
  useEffect(() => {
    if (form.refusals > 0) focusFirstError(element.current);
  }, [form.refusals]);
  const canTest = form.draft.type !== "heartbeat";
  const result = useRef<HTMLDivElement>(null);
  const test = useProbeTest(form);
  const runTest = () => {
    if (!test.run()) focusFirstError(element.current);
  };
  // On a narrow screen the button is in the bar, and what it does may be out of sight.
  const isTested = test.isPending || test.error !== null || test.result !== undefined;
  useEffect(() => {
    if (isTested) result.current?.scrollIntoView({ block: "nearest" });
  }, [isTested, test.isPending]);
  return (
    <form
      ref={element}
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        onSubmit();
        focusFirstError(event.currentTarget);
      }}
      className="grid items-start gap-5 lg:grid-cols-[minmax(0,1fr)_21rem] xl:grid-cols-[minmax(0,1fr)_24rem]"
    >
      <WhatCard form={form} canChangeType={mode === "new"} />
      <div className="lg:sticky lg:top-5 lg:col-start-2 lg:row-span-4 lg:row-start-1">
        {canTest ? <TestPanel test={test} onTest={runTest} ref={result} /> : <HeartbeatHint />}
      </div>
      <CadenceFields form={form} />
      <ThresholdCard form={form} />
      <Card className="overflow-hidden">
        <AdvancedFields form={form} />
        <SimulationFields form={form} />
      </Card>
      <div className="sticky bottom-0 z-20 -mx-4 flex flex-wrap items-center justify-end gap-2 border-t border-line bg-raised px-4 py-3 shadow-raised sm:mx-0 sm:rounded-t-lg sm:border-x lg:col-start-1">
        {notice !== undefined && <div className="w-full">{notice}</div>}
        {canTest && (
          <Button icon="bolt" isBusy={test.isPending} onClick={runTest} className="mr-auto lg:hidden">
            Test now
          </Button>
        )}
        <Button onClick={onCancel}>Cancel</Button>
        <Button type="submit" look="primary" isBusy={isSaving}>
          {mode === "new" ? "Create job" : "Save changes"}
        </Button>
      </div>
    </form>
  );
}

/** Where other types are tried out. */
function HeartbeatHint() {
  return (
    <Card title="How it reports in">
      <p className="p-4 text-sm text-soft text-pretty sm:p-5">
        A backup, a cron job or a device calls Nightbell whenever it is well. The page of the new job makes
        the address for it. A beat that does not come in time is a miss.
      </p>
    </Card>
  );
}

function WhatCard({ form, canChangeType }: { form: JobForm; canChangeType: boolean }) {
  const { draft, errors } = form;
  const hint = targetHints[draft.type];
  const suggested = canChangeType ? suggestType(draft.type, draft.target) : null;
  return (
    <Card title="What to measure">
      <div className="grid gap-5 p-4 sm:p-5">
        <TypePicker form={form} isFixed={!canChangeType} />
        <Field
          label={hint.label}
          hint={
            <>
              For example <span className="code">{hint.example}</span>
            </>
          }
          error={errors["target"]}
        >
          {(control) => (
            <TextInput
              {...control}
              autoFocus={canChangeType}
              autoComplete="off"
              autoCapitalize="off"
              spellCheck={false}
              inputMode={draft.type === "http" || draft.type === "websocket" ? "url" : "text"}
              value={draft.target}
              onChange={(event) => form.set("target", event.target.value)}
              onBlur={() => {
                // A scheme says which type is meant; without one it is only a guess, and the person decides.
                if (suggested !== null && draft.target.includes("://")) form.set("type", suggested);
                else if (draft.target !== "") form.leave("target");
              }}
              className="code"
            />
          )}
        </Field>
        {suggested !== null && (
          <p className="-mt-2 flex flex-wrap items-center gap-2 text-sm text-soft" role="status">
            <Icon name="info" className="text-brass" />
            This looks like a target for {typeLabels[suggested].label}.
            <Button size="sm" onClick={() => form.set("type", suggested)}>
              Measure it with {typeLabels[suggested].label}
            </Button>
          </p>
        )}
        <Field label="Title" isOptional hint="Without one, the target is the title." error={errors["title"]}>
          {(control) => (
            <TextInput
              {...control}
              autoComplete="off"
              placeholder={draft.target.trim()}
              value={draft.title}
              onChange={(event) => form.set("title", event.target.value)}
              onBlur={() => form.leave("title")}
            />
          )}
        </Field>
      </div>
    </Card>
  );
}

function TypePicker({ form, isFixed }: { form: JobForm; isFixed: boolean }) {
  const { type } = form.draft;
  if (isFixed) {
    return (
      <p className="text-sm text-soft">
        <span className="font-medium text-ink">{typeLabels[type].label}.</span> The type stays: with another
        one the history would mix two measurements.
      </p>
    );
  }
  return (
    <fieldset>
      <legend className="mb-1.5 text-sm font-medium">Type</legend>
      <div className="grid grid-cols-3 gap-2">
        {JobType.options.map((option) => (
          <label
            key={option}
            className="relative flex cursor-pointer flex-col rounded-md border border-line px-3 py-2.5 transition-colors hover:border-edge has-checked:border-brass has-checked:bg-brass/7 has-focus-visible:outline-2 has-focus-visible:outline-offset-2 has-focus-visible:outline-brass"
          >
            <input
              type="radio"
              name="type"
              value={option}
              checked={type === option}
              onChange={() => form.set("type", option)}
              className="peer absolute inset-0 cursor-pointer appearance-none outline-none"
            />
            <span className="text-md font-medium">{typeLabels[option].label}</span>
            <span className="mt-0.5 text-xs text-faint text-pretty max-sm:hidden">
              {typeLabels[option].explains}
            </span>
            <Icon
              name="check"
              size={14}
              className="absolute top-3 right-3 text-brass opacity-0 peer-checked:opacity-100 max-sm:hidden"
            />
          </label>
        ))}
      </div>
      <p className="mt-2 text-xs text-faint sm:hidden">{typeLabels[type].explains}.</p>
    </fieldset>
  );
}

function ThresholdCard({ form }: { form: JobForm }) {
  const { thresholds } = form.draft;
  const field = (name: keyof typeof thresholds, label: string, unit: string) => (
    <Field label={label} isOptional error={form.errors[`thresholds.${name}`]}>
      {(control) => (
        <UnitInput
          {...control}
          unit={unit}
          value={thresholds[name]}
          onChange={(event) => form.set(`thresholds.${name}`, event.target.value)}
          onBlur={() => form.leave(`thresholds.${name}`)}
        />
      )}
    </Field>
  );
  return (
    <Card title="Thresholds" aside={<p className="text-xs text-faint">Drawn as lines in the chart</p>}>
      <div className="grid gap-5 p-4 sm:grid-cols-3 sm:p-5">
        {field("warningRttMs", "Warning above", "ms")}
        {field("criticalRttMs", "Critical above", "ms")}
        {field("lossPercent", "Loss above", "%")}
      </div>
    </Card>
  );
}

/** After a refused save the first field with a message gets the focus. */
function focusFirstError(form: HTMLElement | null): void {
  requestAnimationFrame(() => {
    const field = form?.querySelector<HTMLElement>("[aria-invalid=true]");
    field?.closest("details")?.setAttribute("open", "");
    field?.focus();
  });
}
