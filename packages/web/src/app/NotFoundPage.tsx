import { Link } from "@tanstack/react-router";
import { buttonClass } from "../ui/Button.js";
import { EmptyState } from "../ui/states.js";
import { usePageTitle } from "./title.js";

export function NotFoundPage() {
  return (
    <main id="main" tabIndex={-1} className="h-full">
      <NotFound />
    </main>
  );
}

/** Inside the shell, which has the page's `main` already. */
export function NotFound() {
  usePageTitle("Not found");
  return (
    <div className="grid h-full place-items-center">
      <EmptyState
        icon="moon"
        isWholePage
        title="Nothing to see at this address"
        action={
          <Link to="/jobs" className={buttonClass("primary")}>
            Go to your jobs
          </Link>
        }
      >
        The page may have moved, or the job was deleted.
      </EmptyState>
    </div>
  );
}
