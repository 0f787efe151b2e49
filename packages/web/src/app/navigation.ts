import type { IconName } from "../ui/Icon.js";

/** The entries of the main navigation, in its order: down the side on wide screens, in a menu on narrow ones. */
export const navigation = [
  { to: "/jobs", icon: "pulse", label: "Jobs" },
  { to: "/alerts", icon: "bell", label: "Alerts" },
  { to: "/rules", icon: "ruler", label: "Alert rules" },
  { to: "/maintenance", icon: "calendar", label: "Maintenance" },
  { to: "/pollers", icon: "signal", label: "Pollers" },
] as const satisfies readonly {
  to: string;
  icon: IconName;
  label: string;
}[];
