// Flags that several verbs have, with docker's usage texts.
import { text, toggle } from "./basic.js";

const templates =
  "'json':             Print in JSON format\n" +
  "'TEMPLATE':         Print output using the given Go template.\n" +
  "Refer to https://docs.docker.com/go/formatting/ for more information about formatting output with templates";

export const listFormat = text(
  "Format output using a custom template:\n" +
    "'table':            Print output in table format with column headers (default)\n" +
    "'table TEMPLATE':   Print output in table format using the given Go template\n" +
    templates,
);

export const inspectFormat = text(`Format output using a custom template:\n${templates}`, { short: "f" });

export const pretty = toggle("Print the information in a human friendly format");

export const quietProgress = toggle("Suppress progress output", { short: "q" });

export const detach = toggle("Exit immediately instead of waiting for the service to converge", { short: "d" });
