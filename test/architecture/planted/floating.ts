// Wrong on purpose: `npm run lint` proves with this file that the type-aware rules look. Ignored by every other check.
async function later(): Promise<void> {}

export function forgets(): void {
  later();
}
