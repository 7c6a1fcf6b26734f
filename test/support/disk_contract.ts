// What every `Disk` does, the real one and the simulated one alike.

import { expect, test } from "vitest";
import type { Disk } from "../../src/base/index.js";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (read: Uint8Array | undefined): string | undefined => read && new TextDecoder().decode(read);

export function diskContract(open: () => Disk): void {
  test("a file holds what was written where it was written", async () => {
    const disk = open();
    const file = await disk.open("a", { create: true });
    await file.write(bytes("hello"), 0);
    await file.write(bytes("world"), 6);
    await file.write(bytes("J"), 0);
    expect(text(await file.read(100, 0))).toBe("Jello\0world");
    expect(text(await file.read(3, 6))).toBe("wor");
    expect((await file.read(3, 100)).length).toBe(0);
    expect(await file.size()).toBe(11);
    await file.truncate(4);
    expect(text(await file.read(100, 0))).toBe("Jell");
    await file.truncate(6);
    await file.sync();
    await file.close();
    expect(text(await disk.readFile("a"))).toBe("Jell\0\0");
  });

  test("opening what is absent fails unless it is to be made; reading it gives nothing", async () => {
    const disk = open();
    await expect(disk.open("none")).rejects.toMatchObject({ code: "ENOENT" });
    await expect(disk.open("no/folder", { create: true })).rejects.toMatchObject({ code: "ENOENT" });
    expect(await disk.readFile("none")).toBeUndefined();
    expect(await disk.list("none")).toEqual([]);
    await disk.remove("none");
    await expect(disk.rename("none", "other")).rejects.toMatchObject({ code: "ENOENT" });
  });

  test("opening again keeps the content", async () => {
    const disk = open();
    await (await disk.open("a", { create: true })).write(bytes("kept"), 0);
    await disk.open("a", { create: true });
    expect(text(await disk.readFile("a"))).toBe("kept");
  });

  test("folders are made with those above them, listed sorted, and removed with all they hold", async () => {
    const disk = open();
    await disk.makeFolder("x/y");
    await disk.makeFolder("x/y");
    for (const name of ["b", "a", "c"]) await disk.open(`x/y/${name}`, { create: true });
    expect(await disk.list("x/y")).toEqual(["a", "b", "c"]);
    expect(await disk.list("x")).toEqual(["y"]);
    await disk.syncFolder("x/y");
    await disk.remove("x");
    expect(await disk.list("x/y")).toEqual([]);
    expect(await disk.readFile("x/y/a")).toBeUndefined();
  });

  test("a rename takes the other's place, and an open file stays what it was", async () => {
    const disk = open();
    const old = await disk.open("a", { create: true });
    await old.write(bytes("old"), 0);
    await (await disk.open("b", { create: true })).write(bytes("new"), 0);
    await disk.rename("b", "a");
    expect(text(await disk.readFile("a"))).toBe("new");
    expect(text(await old.read(3, 0))).toBe("old");
    expect(await disk.readFile("b")).toBeUndefined();
  });

  test("a file is replaced as a whole, and nothing is left beside it", async () => {
    const disk = open();
    await disk.makeFolder("x");
    await disk.replaceFile("x/a", bytes("first and long"));
    await disk.replaceFile("x/a", bytes("second"));
    expect(text(await disk.readFile("x/a"))).toBe("second");
    expect(await disk.list("x")).toEqual(["a"]);
  });
}
