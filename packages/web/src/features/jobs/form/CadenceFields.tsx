import { formatCount } from "../../../format/measures.js";
import { parseSeconds } from "../../../format/durations.js";
import { Card } from "../../../ui/Card.js";
import { Field, TextInput } from "../../../ui/Field.js";
import { Segmented } from "../../../ui/Segmented.js";
import type { JobForm } from "./useJobForm.js";

const cadences = ["200 ms", "1 s", "5 s", "10 s", "30 s", "1 m", "5 m"].map((value) => ({
  value,
  label: value,
}));
const durations = [
  { value: "", label: "Endless" },
  ...["10 m", "1 h", "1 d", "7 d"].map((value) => ({ value, label: value })),
];

export function CadenceFields({ form }: { form: JobForm }) {
  const { draft, errors } = form;
  const seconds = parseSeconds(draft.cadence);
  return (
    <Card title="How often">
      <div className="grid gap-5 p-4 sm:p-5">
        <div className="grid content-start gap-2">
          <Field
            label={draft.type === "heartbeat" ? "One beat every" : "One probe every"}
            error={errors["cadenceSeconds"]}
            hint={seconds !== null && seconds >= 0.1 ? perDay(seconds) : undefined}
          >
            {(control) => (
              <div className="grid gap-2">
                <Segmented
                  label="Usual cadences"
                  options={cadences}
                  value={cadences.some(({ value }) => value === draft.cadence) ? draft.cadence : null}
                  onChange={(value) => form.set("cadence", value)}
                  className="justify-self-start"
                />
                <TextInput
                  {...control}
                  autoComplete="off"
                  value={draft.cadence}
                  onChange={(event) => form.set("cadence", event.target.value)}
                  onBlur={() => form.leave("cadenceSeconds")}
                  className="num"
                />
              </div>
            )}
          </Field>
        </div>
        <Field
          label="For how long"
          error={errors["durationSeconds"]}
          hint="Counted from the first probe. Empty measures until you stop it."
        >
          {(control) => (
            <div className="grid gap-2">
              <Segmented
                label="Usual durations"
                options={durations}
                value={durations.some(({ value }) => value === draft.duration) ? draft.duration : null}
                onChange={(value) => form.set("duration", value)}
                className="justify-self-start"
              />
              <TextInput
                {...control}
                autoComplete="off"
                placeholder="Endless"
                value={draft.duration}
                onChange={(event) => form.set("duration", event.target.value)}
                onBlur={() => form.leave("durationSeconds")}
                className="num"
              />
            </div>
          )}
        </Field>
      </div>
    </Card>
  );
}

function perDay(seconds: number): string {
  const count = Math.floor(86_400 / seconds);
  return `${formatCount(count)} ${count === 1 ? "sample" : "samples"} a day. Also 250 ms, 90 s, 1 h 30 m.`;
}
