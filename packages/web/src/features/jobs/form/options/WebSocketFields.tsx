import type { JobForm } from "../useJobForm.js";
import { Headers } from "./Headers.js";
import { OptionCheck, OptionText } from "./OptionFields.js";

export function WebSocketFields({ form }: { form: JobForm }) {
  return (
    <>
      <OptionText
        form={form}
        name="message"
        label="Message to send"
        hint="Empty sends none; without an expected text either, a ping is sent and its answer measured."
        isLong
      />
      <div className="grid items-start gap-5 sm:grid-cols-2">
        <OptionText
          form={form}
          name="expected"
          label="Text in a message of the server"
          hint="Other messages are passed over until the timeout. Empty accepts the first one."
        />
        <OptionText
          form={form}
          name="subprotocol"
          label="Subprotocol"
          placeholder="mqtt"
          hint="Empty asks for none."
        />
      </div>
      <Headers form={form} />
      <OptionCheck
        form={form}
        name="verifyTls"
        label="Check the certificate"
        hint="Off accepts any certificate, such as a self-signed one."
      />
    </>
  );
}
