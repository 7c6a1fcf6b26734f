export async function waitOnService(
  _service: { readonly id: string; readonly name: string; readonly quiet: boolean },
  _parts: unknown,
): Promise<number> {
  return 0;
}
