import { DropdownMenu } from "radix-ui";
import type { ReactNode } from "react";
import { Icon, type IconName } from "./Icon.js";

/** A button's menu. Not modal: the page behind stays scrollable and no style is injected. */
export function Menu({
  trigger,
  align = "end",
  children,
}: {
  trigger: ReactNode;
  /** The edge of the button that the menu keeps to. */
  align?: "start" | "end";
  children: ReactNode;
}) {
  return (
    <DropdownMenu.Root modal={false}>
      <DropdownMenu.Trigger asChild>{trigger}</DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content
          align={align}
          sideOffset={6}
          collisionPadding={8}
          className="z-50 min-w-48 animate-rise rounded-lg border border-line bg-raised p-1 shadow-raised"
        >
          {children}
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}

export function MenuItem({
  icon,
  children,
  tone = "plain",
  onSelect,
  disabled = false,
}: {
  icon: IconName;
  children: ReactNode;
  tone?: "plain" | "danger";
  onSelect: () => void;
  disabled?: boolean;
}) {
  return (
    <DropdownMenu.Item
      disabled={disabled}
      onSelect={onSelect}
      className={`flex h-9 cursor-pointer items-center gap-2.5 rounded-md px-2.5 text-sm outline-none select-none data-disabled:opacity-45 data-highlighted:bg-hover ${
        tone === "danger" ? "text-missed" : "text-ink"
      }`}
    >
      <Icon name={icon} className={tone === "danger" ? "" : "text-faint"} />
      {children}
    </DropdownMenu.Item>
  );
}

export function MenuLine() {
  return <DropdownMenu.Separator className="mx-2 my-1 h-px bg-line" />;
}
