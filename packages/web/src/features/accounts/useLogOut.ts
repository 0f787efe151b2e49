import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { sentenceOf } from "../../api/errors.js";
import { toast } from "../../ui/toasts.js";
import { logOut } from "./queries.js";

export function useLogOut() {
  const queryClient = useQueryClient();
  const navigate = useNavigate();
  return useMutation({
    mutationFn: logOut,
    onSuccess: async () => {
      await navigate({ to: "/login" });
      queryClient.clear();
    },
    onError: (error) => toast("missed", `You are still logged in. ${sentenceOf(error)}`),
  });
}
