/** The part of the URL class used here. Browsers and Node both have it; the language's own library types do not. */
declare class URL {
  constructor(text: string);
  readonly href: string;
  readonly hostname: string;
  readonly port: string;
  readonly username: string;
  readonly password: string;
}
