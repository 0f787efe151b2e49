// What is wrong, in words for people: the same sentences in forms and in the API's answers.
import { z } from "zod";

// A message that a schema states itself wins over these.
z.config({ customError: messageOf });

/** The sentence for an issue whose schema states none; undefined leaves it to zod. */
export function messageOf(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case "invalid_type":
      if (issue.input === undefined) return "is required";
      return issue.expected === "int" ? "must be a whole number" : `must be ${withArticle(issue.expected)}`;
    case "invalid_value":
      if (issue.input === undefined) return "is required";
      return `must be ${issue.values.length > 1 ? "one of " : ""}${issue.values.map(String).join(", ")}`;
    case "invalid_format":
      return issue.format === "datetime"
        ? "must be a time such as 2030-01-31T12:00:00Z"
        : `must be a valid ${issue.format.toUpperCase()}`;
    case "too_small":
      if (issue.minimum === 1 && issue.origin in units) return "must not be empty";
      return `must ${bounded("at least", issue.minimum, issue.origin)}`;
    case "too_big":
      return `must ${bounded("at most", issue.maximum, issue.origin)}`;
    case "unrecognized_keys":
      return "is not a known field";
    default:
      return undefined;
  }
}

const units: Partial<Record<string, string>> = { string: "characters", array: "items" };

function bounded(bound: string, value: number | bigint, origin: string): string {
  const unit = units[origin];
  return unit === undefined ? `be ${bound} ${value}` : `have ${bound} ${value} ${unit}`;
}

function withArticle(type: string): string {
  return `${/^[aeiou]/.test(type) ? "an" : "a"} ${type}`;
}
