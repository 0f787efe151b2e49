import type { JobForm } from "../useJobForm.js";
import { OptionSelect, OptionText } from "./OptionFields.js";

export function UdpFields({ form }: { form: JobForm }) {
  const { payloadFormat, expect } = form.draft.options.udp;
  const isHex = payloadFormat === "hex";
  const isHexExpected = expect === "hexPrefix";
  return (
    <>
      <div className="grid gap-5 sm:grid-cols-[1fr_12rem]">
        <OptionText
          form={form}
          name="payload"
          label="Payload"
          placeholder={isHex ? "0a ff 00" : "ping"}
          hint="The one datagram that is sent. Empty sends one without content."
        />
        <OptionSelect
          form={form}
          name="payloadFormat"
          label="Payload is"
          options={[
            ["text", "Text"],
            ["hex", "Bytes in hex"],
          ]}
        />
      </div>
      <div className="grid items-start gap-5 sm:grid-cols-2">
        <OptionSelect
          form={form}
          name="expect"
          label="Expected answer"
          hint={
            expect === "none" &&
            "Success then says only that nobody refused the datagram within the timeout: a lost one looks the same."
          }
          options={[
            ["any", "Any answer"],
            ["contains", "Contains a text"],
            ["hexPrefix", "Begins with bytes"],
            ["none", "None needed"],
          ]}
        />
        {(expect === "contains" || isHexExpected) && (
          <OptionText
            form={form}
            name="expected"
            label={isHexExpected ? "First bytes, in hex" : "Text in the answer"}
            placeholder={isHexExpected ? "0a ff" : "pong"}
          />
        )}
      </div>
    </>
  );
}
