import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { useStream } from "../../api/stream.js";

/** Many alerts may change at once; what is on the screen is read again this often at most. */
const GATHER_MS = 500;

/** Reads alerts on the screen again as soon as one changes. */
export function useAlertNews(): void {
  const queryClient = useQueryClient();
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const refresh = () => {
    timer.current ??= setTimeout(() => {
      timer.current = undefined;
      void queryClient.invalidateQueries({ queryKey: ["alerts"] });
    }, GATHER_MS);
  };
  useStream("alerts", true, {
    onEvent: (event) => {
      if (event.type === "alert") refresh();
    },
    onOpen: refresh,
  });
  useEffect(() => () => clearTimeout(timer.current), []);
}
