import type { Simulation } from "@nightbell/contract";
import { Checkbox, Field, FieldError, UnitInput } from "../../../ui/Field.js";
import type { JobForm } from "./useJobForm.js";

const fields: { name: keyof Simulation; label: string; unit: string }[] = [
  { name: "latencyMs", label: "Latency", unit: "ms" },
  { name: "jitterMs", label: "Jitter", unit: "ms" },
  { name: "lossPercent", label: "Loss", unit: "%" },
  { name: "systemErrorPercent", label: "System errors", unit: "%" },
  { name: "outageEverySeconds", label: "Outage every", unit: "s" },
  { name: "outageSeconds", label: "Outage lasts", unit: "s" },
];

/** Made-up answers instead of probes, for trying Nightbell out. Whether it is allowed is the server's decision. */
export function SimulationFields({ form }: { form: JobForm }) {
  const isOn = form.draft.monitoringMode === "simulated";
  const error = form.errors["monitoringMode"];
  return (
    <div className="border-t border-line p-4 sm:p-5">
      <Checkbox
        label="Simulate the answers"
        hint="No probe is sent: latency, loss and outages follow the numbers you give. For development and demos."
        checked={isOn}
        aria-invalid={error === undefined ? undefined : true}
        onChange={(event) => form.set("monitoringMode", event.target.checked ? "simulated" : "real_polling")}
      />
      {error !== undefined && <FieldError message={error} />}
      {isOn && (
        <div className="mt-5 grid grid-cols-2 gap-4 sm:grid-cols-3">
          {fields.map(({ name, label, unit }) => (
            <Field key={name} label={label} error={form.errors[`simulation.${name}`]}>
              {(control) => (
                <UnitInput
                  {...control}
                  unit={unit}
                  placeholder={name === "outageEverySeconds" ? "never" : undefined}
                  value={form.draft.simulation[name]}
                  onChange={(event) => form.set(`simulation.${name}`, event.target.value)}
                  onBlur={() => form.leave(`simulation.${name}`)}
                />
              )}
            </Field>
          ))}
        </div>
      )}
    </div>
  );
}
