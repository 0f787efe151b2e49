import type { AlertSeverity, AlertStatus } from "@nightbell/contract";
import { Icon, type IconName } from "../../ui/Icon.js";
import { alertStatusLabels, severityLabels } from "./words.js";

export function AlertStatusLabel({ status }: { status: AlertStatus }) {
  return <Label {...alertStatusLabels[status]} />;
}

export function SeverityLabel({ severity }: { severity: AlertSeverity }) {
  return <Label {...severityLabels[severity]} />;
}

/** Icon and word, never colour alone. */
function Label({ label, icon, tone }: { label: string; icon: IconName; tone: string }) {
  return (
    <span className="inline-flex items-center gap-1.5 text-sm font-medium whitespace-nowrap text-soft">
      <Icon name={icon} size={15} className={tone} />
      {label}
    </span>
  );
}
