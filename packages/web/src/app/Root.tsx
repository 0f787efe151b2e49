import { Outlet, useRouterState } from "@tanstack/react-router";
import { useEffect, useRef } from "react";
import { Toasts } from "../ui/toasts.js";
import { ConnectionBanner } from "./ConnectionBanner.js";

export function Root() {
  useFocusOnNavigation();
  return (
    <div className="flex h-full flex-col">
      <a
        href="#main"
        onClick={(event) => {
          event.preventDefault();
          document.getElementById("main")?.focus();
        }}
        className="fixed top-2 left-2 z-70 -translate-y-16 rounded-md bg-primary px-4 py-2 font-medium text-on-primary focus:translate-y-0"
      >
        Skip to the content
      </a>
      <ConnectionBanner />
      <div className="min-h-0 flex-1">
        <Outlet />
      </div>
      <Toasts />
    </div>
  );
}

/** After a change of page the focus goes to its content, so that keyboards and screen readers start there. */
function useFocusOnNavigation(): void {
  const pathname = useRouterState({ select: (state) => state.resolvedLocation?.pathname });
  const previous = useRef(pathname);
  useEffect(() => {
    if (previous.current !== undefined && previous.current !== pathname) {
      const hasFocus = document.activeElement !== null && document.activeElement !== document.body;
      if (!hasFocus || document.activeElement?.isConnected === false)
        document.getElementById("main")?.focus();
    }
    previous.current = pathname;
  }, [pathname]);
}
