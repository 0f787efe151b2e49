// The frame around every page behind the log-in: navigation at the left, or in a menu at the top on narrow screens.
import { useQuery, useSuspenseQuery } from "@tanstack/react-query";
import { Link, Outlet, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { profileQuery } from "../features/accounts/queries.js";
import { useLogOut } from "../features/accounts/useLogOut.js";
import { openAlertCountQuery } from "../features/alerts/queries.js";
import { Wordmark } from "../ui/Brand.js";
import { IconButton } from "../ui/Button.js";
import { Icon } from "../ui/Icon.js";
import { Menu, MenuItem, MenuLine } from "../ui/Menu.js";
import { navigation } from "./navigation.js";
import { ShortcutHelp } from "./ShortcutHelp.js";
import { useShortcuts } from "./shortcuts.js";
import { setTheme, useColourScheme } from "./theme.js";

export function Shell() {
  const navigate = useNavigate();
  const [isHelpOpen, setIsHelpOpen] = useState(false);
  useShortcuts({
    n: () => void navigate({ to: "/jobs/new" }),
    g: () => void navigate({ to: "/jobs" }),
    "?": () => setIsHelpOpen(true),
  });
  return (
    <div className="flex h-full flex-col lg:flex-row">
      <header className="flex h-14 shrink-0 items-center gap-2 border-b border-line px-4 lg:h-auto lg:w-54 lg:flex-col lg:items-stretch lg:border-r lg:border-b-0 lg:px-3 lg:py-5">
        <NavigationMenu />
        <Link to="/jobs" aria-label="Nightbell: jobs" className="mr-auto rounded-md lg:mr-0 lg:px-2">
          <Wordmark />
        </Link>
        <nav
          aria-label="Main"
          className="mt-6 hidden min-h-0 flex-1 content-start gap-0.5 overflow-y-auto lg:grid"
        >
          {navigation.map((entry) => (
            <NavLink key={entry.to} {...entry} />
          ))}
        </nav>
        <div className="flex items-center gap-1">
          <AlertsLink />
          <AccountMenu />
          <IconButton
            icon="keyboard"
            label="Keyboard shortcuts"
            onClick={() => setIsHelpOpen(true)}
            className="max-lg:hidden"
          />
          <ThemeButton />
        </div>
      </header>
      <main id="main" tabIndex={-1} className="min-h-0 min-w-0 flex-1 overflow-y-auto">
        <Outlet />
      </main>
      {isHelpOpen && <ShortcutHelp onClose={() => setIsHelpOpen(false)} />}
    </div>
  );
}

/** The navigation where there is no room for it beside the page. */
function NavigationMenu() {
  const navigate = useNavigate();
  return (
    <Menu align="start" trigger={<IconButton icon="menu" label="Navigation" className="-ml-2 lg:hidden" />}>
      {navigation.map(({ to, icon, label }) => (
        <MenuItem key={to} icon={icon} onSelect={() => void navigate({ to })}>
          {label}
        </MenuItem>
      ))}
    </Menu>
  );
}

function NavLink({ to, icon, label }: (typeof navigation)[number]) {
  return (
    <Link
      to={to}
      className="flex h-9 items-center gap-2.5 rounded-md px-2.5 font-medium text-soft transition-colors hover:bg-hover hover:text-ink data-[status=active]:bg-hover data-[status=active]:text-ink [&[data-status=active]_svg]:text-brass"
    >
      <Icon name={icon} />
      {label}
      {to === "/alerts" && <OpenAlerts className="ml-auto" />}
    </Link>
  );
}

/** How many alerts are open, where there are any. */
function OpenAlerts({ className = "" }: { className?: string }) {
  const { data: count = 0 } = useQuery(openAlertCountQuery);
  if (count === 0) return null;
  return (
    <span className={`num rounded-full bg-missed px-1.5 text-2xs font-semibold text-on-danger ${className}`}>
      {count > 99 ? "99+" : count}
      <span className="sr-only"> open</span>
    </span>
  );
}

/** Where the navigation is folded into a menu, that something is wrong must show without opening it. */
function AlertsLink() {
  const { data: count = 0 } = useQuery(openAlertCountQuery);
  if (count === 0) return null;
  return (
    <Link
      to="/alerts"
      className="flex h-9 items-center gap-1.5 rounded-md px-2 text-soft hover:bg-hover lg:hidden"
    >
      <Icon name="bell" label="Alerts" />
      <OpenAlerts />
    </Link>
  );
}

function ThemeButton() {
  const scheme = useColourScheme();
  const other = scheme === "dark" ? "light" : "dark";
  return (
    <IconButton
      icon={other === "dark" ? "moon" : "sun"}
      label={`Switch to ${other} colours`}
      onClick={() => setTheme(other)}
    />
  );
}

function AccountMenu() {
  const { data: profile } = useSuspenseQuery(profileQuery);
  const navigate = useNavigate();
  const logOut = useLogOut();
  return (
    <Menu
      trigger={
        <button
          type="button"
          className="flex h-9 min-w-9 items-center gap-2 rounded-md px-1 hover:bg-hover lg:flex-1 lg:px-1.5"
        >
          <span className="sr-only">Account of {profile.name}</span>
          <span
            aria-hidden="true"
            className="grid size-7 shrink-0 place-items-center rounded-full bg-brass/18 text-2xs font-semibold text-brass"
          >
            {initials(profile.name)}
          </span>
          <span aria-hidden="true" className="w-0 flex-1 truncate text-left text-sm text-soft max-lg:hidden">
            {profile.name}
          </span>
        </button>
      }
    >
      <div className="max-w-64 px-2.5 py-2">
        <p className="truncate text-sm font-medium">{profile.name}</p>
        <p className="truncate text-xs text-faint">{profile.email}</p>
      </div>
      <MenuLine />
      <MenuItem icon="user" onSelect={() => void navigate({ to: "/profile" })}>
        Profile
      </MenuItem>
      <MenuItem icon="logOut" onSelect={() => logOut.mutate()}>
        Log out
      </MenuItem>
    </Menu>
  );
}

function initials(name: string): string {
  const words = name.trim().split(/\s+/);
  const letters = words.length > 1 ? [words.at(0), words.at(-1)] : [words.at(0)];
  return letters
    .map((word) => Array.from(word ?? "")[0] ?? "")
    .join("")
    .toUpperCase();
}
