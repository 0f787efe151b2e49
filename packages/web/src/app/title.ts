import { useEffect } from "react";

/** The title of the browser's tab, for as long as the caller is on the screen. */
export function usePageTitle(title: string): void {
  useEffect(() => {
    document.title = `${title} · Nightbell`;
  }, [title]);
}
