// Applies the stored theme before the first paint; src/app/theme.ts writes it. Without one, the system decides.
try {
  const theme = localStorage.getItem("nightbell.theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // Storage is blocked: the system's preference applies.
}
