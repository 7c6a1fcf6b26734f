// Loaded into a daemon with `node --import …/slow-disk.mjs?control=FILE`: while FILE is there, each sync to the disk takes the
// milliseconds that it holds longer. In the test's own process arguments, so that the daemon knows nothing of it.
import fs from "node:fs";

const LOOK_MS = 100;
const control = new URL(import.meta.url).searchParams.get("control");
let delayMs = 0;
setInterval(() => {
  try {
    delayMs = Number(fs.readFileSync(control, "utf8"));
  } catch {
    delayMs = 0; // no file, no delay
  }
}, LOOK_MS).unref();

const { fdatasync, fsync } = fs;
fs.fdatasync = (fd, done) => setTimeout(() => fdatasync(fd, done), delayMs);
fs.fsync = (fd, done) => setTimeout(() => fsync(fd, done), delayMs);
