// What must happen before any module runs.

// When a schema is made, zod tries whether it may generate code, and the content policy would report the try.
// oxlint-disable-next-line no-underscore-dangle -- the name is zod's
globalThis.__zod_globalConfig = { jitless: true };

// A browser without a locale may name its language in a way that every formatter refuses (`en-US@posix`), and libraries
// make formatters of it as soon as they are loaded.
try {
  Intl.getCanonicalLocales(navigator.language);
} catch {
  Object.defineProperty(navigator, "language", { value: "en" });
}

// The stored theme, before the first paint; src/app/theme.ts writes it. Without one, the system decides.
try {
  const theme = localStorage.getItem("nightbell.theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // Storage is blocked: the system's preference applies.
}
