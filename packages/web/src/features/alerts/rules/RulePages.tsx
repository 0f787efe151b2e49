// A new rule, and one that is edited: the same form, with a dry run beside it.
import { type AlertRule, AlertRuleCreate } from "@nightbell/contract";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { hasCode, sentenceOf } from "../../../api/errors.js";
import { NotFound } from "../../../app/NotFoundPage.js";
import { usePageTitle } from "../../../app/title.js";
import { Button } from "../../../ui/Button.js";
import { ConfirmDialog } from "../../../ui/Dialog.js";
import { PageHeader } from "../../../ui/PageHeader.js";
import { ErrorState, Loading, Notice } from "../../../ui/states.js";
import { toast } from "../../../ui/toasts.js";
import { useFormErrors } from "../../accounts/useFormErrors.js";
import { useUnsavedGuard } from "../../jobs/form/useUnsavedGuard.js";
import { createRule, deleteRule, ruleQuery, updateRule } from "../queries.js";
import { draftOf, emptyDraft, type RuleDraft, toBody } from "./draft.js";
import { DryRunPanel } from "./DryRunPanel.js";
import { RuleFormView } from "./RuleFormView.js";

const route = getRouteApi("/app/rules/$ruleId");

export function NewRulePage() {
  usePageTitle("New alert rule");
  return (
    <div className="mx-auto max-w-6xl px-4 sm:px-8">
      <PageHeader title="New alert rule" />
      <RuleForm rule={null} />
    </div>
  );
}

export function EditRulePage() {
  const { ruleId } = route.useParams();
  // The version that is edited is the one first read.
  const rule = useQuery({
    ...ruleQuery(ruleId),
    staleTime: Number.POSITIVE_INFINITY,
    refetchOnMount: "always",
  });
  if (hasCode(rule.error, "not_found")) return <NotFound />;
  if (rule.error !== null) return <ErrorState error={rule.error} onRetry={() => void rule.refetch()} />;
  if (rule.data === undefined || !rule.isFetchedAfterMount) return <Loading label="Loading the rule" />;
  return <EditRule key={`${ruleId} ${rule.data.version}`} rule={rule.data} />;
}

function EditRule({ rule }: { rule: AlertRule }) {
  usePageTitle(rule.name);
  const navigate = useNavigate();
  const queryClient = useQueryClient();
  const [isAsking, setIsAsking] = useState(false);
  const remove = useMutation({
    mutationFn: () => deleteRule(rule.id),
    onSuccess: async () => {
      await queryClient.invalidateQueries({ queryKey: ["rules", "list"] });
      toast("good", "Rule deleted");
      await navigate({ to: "/rules", ignoreBlocker: true });
    },
    onError: (error) => toast("missed", sentenceOf(error)),
  });
  return (
    <div className="mx-auto max-w-6xl px-4 sm:px-8">
      <PageHeader title={<span className="[overflow-wrap:anywhere]">{rule.name}</span>}>
        <Button icon="trash" onClick={() => setIsAsking(true)}>
          Delete
        </Button>
      </PageHeader>
      <RuleForm rule={rule} />
      {isAsking && (
        <ConfirmDialog
          title="Delete this rule?"
          confirm="Delete rule"
          isBusy={remove.isPending}
          onConfirm={() => remove.mutate()}
          onClose={() => setIsAsking(false)}
        >
          Its open alerts are resolved; what it found so far stays.
        </ConfirmDialog>
      )}
    </div>
  );
}

function RuleForm({ rule }: { rule: AlertRule | null }) {
  const navigate = useNavigate();
  const queryClient = useQueryClient();
  const [initial] = useState<RuleDraft>(() => (rule === null ? emptyDraft() : draftOf(rule)));
  const [draft, setDraft] = useState(initial);
  const form = useFormErrors(AlertRuleCreate);
  const save = useMutation({
    mutationFn: (body: AlertRuleCreate) =>
      rule === null
        ? createRule(body)
        : updateRule({ id: rule.id, version: rule.version, patch: AlertRuleCreate.parse(body) }),
    onSuccess: async (saved) => {
      queryClient.setQueryData(ruleQuery(saved.id).queryKey, saved);
      void queryClient.invalidateQueries({ queryKey: ["rules", "list"] });
      toast("good", "Rule saved");
      await navigate({ to: "/rules", ignoreBlocker: true });
    },
    onError: form.take,
  });
  const guard = useUnsavedGuard(() => draft !== initial && !save.isSuccess);
  /** The rule as it stands; null when something is wrong, which its field then says. */
  const read = (): AlertRuleCreate | null => {
    const body = toBody(draft);
    return form.check(body) ? AlertRuleCreate.parse(body) : null;
  };
  return (
    <>
      <RuleFormView
        draft={draft}
        errors={form.errors}
        notice={
          save.error !== null && <Notice title="The rule was not saved">{sentenceOf(save.error)}</Notice>
        }
        submitLabel={rule === null ? "Create rule" : "Save changes"}
        isSaving={save.isPending}
        aside={
          <DryRunPanel
            read={() => {
              // A rule may be tried before it has a name.
              const body = toBody({ ...draft, name: draft.name.trim() === "" ? "New rule" : draft.name });
              return form.check(body) ? AlertRuleCreate.parse(body) : null;
            }}
          />
        }
        onChange={setDraft}
        onSubmit={() => {
          const body = read();
          if (body !== null) save.mutate(body);
        }}
        onCancel={() => void navigate({ to: "/rules" })}
      />
      {guard}
    </>
  );
}
