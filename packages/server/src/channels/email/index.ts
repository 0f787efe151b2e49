export { createSmtpMailer } from "./smtp.js";
