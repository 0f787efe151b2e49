import type { AlertRule } from "@nightbell/contract";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { sentenceOf } from "../../../api/errors.js";
import { usePageTitle } from "../../../app/title.js";
import { buttonClass } from "../../../ui/Button.js";
import { Card } from "../../../ui/Card.js";
import { CheckMark } from "../../../ui/Field.js";
import { Icon } from "../../../ui/Icon.js";
import { PageHeader } from "../../../ui/PageHeader.js";
import { EmptyState, ErrorState, Loading } from "../../../ui/states.js";
import { toast } from "../../../ui/toasts.js";
import { SeverityLabel } from "../labels.js";
import { ruleListQuery, updateRule } from "../queries.js";
import { conditionText, quorumText, selectorText } from "../words.js";

export function RuleListPage() {
  usePageTitle("Alert rules");
  const rules = useQuery(ruleListQuery);
  return (
    <div className="mx-auto max-w-6xl px-4 pb-16 sm:px-8">
      <PageHeader title="Alert rules">
        <Link to="/rules/new" className={buttonClass("primary")}>
          <Icon name="plus" /> New rule
        </Link>
      </PageHeader>
      {rules.data === undefined && rules.error === null && <Loading label="Loading rules" />}
      {rules.data === undefined && rules.error !== null && (
        <ErrorState error={rules.error} onRetry={() => void rules.refetch()} />
      )}
      {rules.data?.length === 0 && (
        <EmptyState icon="ruler" title="No rule">
          Without a rule, nothing raises an alert.
        </EmptyState>
      )}
      {rules.data !== undefined && rules.data.length > 0 && (
        <Card>
          <ul aria-label="Alert rules" className="divide-y divide-line">
            {rules.data.map((rule) => (
              <RuleRow key={rule.id} rule={rule} />
            ))}
          </ul>
        </Card>
      )}
    </div>
  );
}

function RuleRow({ rule }: { rule: AlertRule }) {
  const queryClient = useQueryClient();
  const toggle = useMutation({
    mutationFn: () =>
      updateRule({ id: rule.id, version: rule.version, patch: { isEnabled: !rule.isEnabled } }),
    onError: (error) => toast("missed", sentenceOf(error)),
    onSettled: () => queryClient.invalidateQueries({ queryKey: ["rules", "list"] }),
  });
  return (
    <li className="relative grid grid-cols-[minmax(0,1fr)_auto] items-center gap-x-4 gap-y-1 px-4 py-3 hover:bg-hover sm:px-5 md:grid-cols-[minmax(0,1fr)_12rem_7rem_4rem]">
      <div className="min-w-0">
        <Link
          to="/rules/$ruleId"
          params={{ ruleId: rule.id }}
          className={`font-medium [overflow-wrap:anywhere] after:absolute after:inset-0 ${rule.isEnabled ? "" : "text-faint"}`}
        >
          {rule.name}
        </Link>
        <p className="text-sm text-faint">
          {conditionText(rule.condition)}, {quorumText(rule.quorum)}
        </p>
      </div>
      <p className="text-sm text-soft max-md:col-start-1">{selectorText(rule.selector)}</p>
      <div className="max-md:col-start-1">
        <SeverityLabel severity={rule.severity} />
      </div>
      <label className="relative z-1 flex items-center gap-2 justify-self-end text-sm text-soft max-md:col-start-2 max-md:row-start-1">
        <CheckMark
          checked={rule.isEnabled}
          disabled={toggle.isPending}
          onChange={() => toggle.mutate()}
          aria-label={`${rule.name}: switched on`}
        />
        {rule.isEnabled ? "on" : "off"}
      </label>
    </li>
  );
}
