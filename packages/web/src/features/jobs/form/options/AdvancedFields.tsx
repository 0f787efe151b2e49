// The options of each probe type. Their fields carry the names of the contract's schemas, so messages find them.
import { DnsRecordType, type JobType } from "@nightbell/contract";
import { Field, TextInput } from "../../../../ui/Field.js";
import { Icon } from "../../../../ui/Icon.js";
import { errorUnder } from "../validate.js";
import type { JobForm } from "../useJobForm.js";
import { HttpFields } from "./HttpFields.js";
import { OptionCheck, OptionNumber, OptionSelect, OptionText } from "./OptionFields.js";
import { UdpFields } from "./UdpFields.js";
import { WebSocketFields } from "./WebSocketFields.js";

export function AdvancedFields({ form }: { form: JobForm }) {
  const { type } = form.draft;
  const hasError = Object.keys(form.errors).some(
    (path) => path.startsWith("options") || path.startsWith("locations"),
  );
  return (
    <details className="group" open={hasError || undefined}>
      <summary className="flex min-h-12 list-none items-center gap-2 px-4 font-semibold hover:bg-hover focus-visible:-outline-offset-2 sm:px-5 [&::-webkit-details-marker]:hidden">
        <Icon
          name="chevronRight"
          size={14}
          className="text-faint transition-transform group-open:rotate-90"
        />
        Details and checks
        <span className="truncate text-xs font-normal text-faint max-sm:hidden">{summaries[type]}</span>
      </summary>
      <div className="grid gap-5 border-t border-line p-4 sm:p-5">
        {type === "udp" && <UdpFields form={form} />}
        {type === "websocket" && <WebSocketFields form={form} />}
        {type === "http" && <HttpFields form={form} />}
        {type === "dns" && <DnsFields form={form} />}
        {type === "tls" && <TlsFields form={form} />}
        <div className="grid gap-5 sm:grid-cols-3">
          {type === "heartbeat" ? (
            <OptionNumber
              form={form}
              name="graceSeconds"
              label="Grace"
              unit="s"
              hint="How much later a beat may come."
            />
          ) : (
            <OptionNumber form={form} name="timeoutMs" label="Timeout" unit="ms" />
          )}
          {type !== "latency_api" && type !== "heartbeat" && (
            <OptionSelect
              form={form}
              name="family"
              label="IP version"
              options={[
                ["auto", "Automatic"],
                ["ipv4", "IPv4 only"],
                ["ipv6", "IPv6 only"],
              ]}
            />
          )}
          {type === "icmp" && <OptionNumber form={form} name="payloadBytes" label="Payload" unit="bytes" />}
          {type === "icmp" && <OptionNumber form={form} name="ttl" label="Hop limit" unit="hops" />}
        </div>
        {type === "latency_api" && (
          <OptionText
            form={form}
            name="url"
            label="Address of the measuring service"
            hint="Empty takes the one of this installation (LATENCY_API_URL)."
          />
        )}
        <Field
          label="Locations"
          hint="Where to measure from, separated by commas. This installation's own poller is “default”."
          error={errorUnder(form.errors, "locations")}
        >
          {(control) => (
            <TextInput
              {...control}
              autoComplete="off"
              value={form.draft.locations}
              onChange={(event) => form.set("locations", event.target.value)}
              onBlur={() => form.leave("locations")}
            />
          )}
        </Field>
      </div>
    </details>
  );
}

const summaries: Record<JobType, string> = {
  icmp: "timeout, IP version, payload",
  tcp: "timeout, IP version",
  udp: "payload, expected answer",
  http: "method, headers, assertions, redirects",
  websocket: "message, expected answer, headers",
  dns: "record type, expected answer, transport",
  tls: "certificate checks, days left",
  latency_api: "timeout, measuring service",
  heartbeat: "grace",
};

function DnsFields({ form }: { form: JobForm }) {
  return (
    <>
      <div className="grid gap-5 sm:grid-cols-3">
        <OptionSelect
          form={form}
          name="recordType"
          label="Record type"
          options={DnsRecordType.options.map((value) => [value, value])}
        />
        <OptionSelect
          form={form}
          name="expectedRcode"
          label="Expected result"
          options={["NOERROR", "NXDOMAIN", "SERVFAIL", "REFUSED", "FORMERR", "NOTIMP"].map((value) => [
            value,
            value,
          ])}
        />
        <OptionSelect
          form={form}
          name="transport"
          label="Transport"
          options={[
            ["udp", "UDP"],
            ["tcp", "TCP"],
          ]}
        />
      </div>
      <OptionText
        form={form}
        name="expectedAnswers"
        label="Expected answers"
        hint="One a line, each must be among the answers; for MX such as “10 mail.example.org”. Empty accepts any."
        isLong
      />
      <OptionCheck
        form={form}
        name="recursionDesired"
        label="Ask for recursion"
        hint="Off asks the server only for what it knows itself."
      />
    </>
  );
}

function TlsFields({ form }: { form: JobForm }) {
  return (
    <>
      <div className="grid gap-5 sm:grid-cols-2">
        <OptionNumber
          form={form}
          name="minDaysLeft"
          label="Days the certificate must still be valid"
          unit="days"
        />
        <OptionText form={form} name="serverName" label="Server name" hint="Empty takes the target's host." />
      </div>
      <OptionCheck
        form={form}
        name="verify"
        label="Check the certificate"
        hint="Off measures the handshake whatever the certificate says."
      />
    </>
  );
}
