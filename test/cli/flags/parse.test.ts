import { describe, expect, it } from "vitest";
import { list, text, toggle, uint } from "../../../src/cli/flags/basic.js";
import { parseLine } from "../../../src/cli/flags/parse.js";

const table = {
  name: text("Name"),
  detach: toggle("Detach", { short: "d" }),
  quiet: toggle("Quiet", { short: "q" }),
  publish: list("Publish", { short: "p" }),
  replicas: uint("Replicas"),
};

const parse = (line: string, stopAtArgument = false) =>
  parseLine(
    table,
    line.split(" ").filter((word) => word !== ""),
    { stopAtArgument },
  );

describe("flags as pflag reads them", () => {
  it.each([
    ["--name a x", { name: "a" }, ["x"]],
    ["--name=a=b x", { name: "a=b" }, ["x"]],
    ["x --name a y", { name: "a" }, ["x", "y"]],
    ["-d x", { detach: true }, ["x"]],
    ["-dq x", { detach: true, quiet: true }, ["x"]],
    ["--detach false", { detach: true }, ["false"]],
    ["--detach=false", { detach: false }, []],
    ["-d=false", { detach: false }, []],
    ["-p80 -p 81 -p=82 -dp83", { publish: ["80", "81", "82", "83"], detach: true }, []],
    ["-- --name a", {}, ["--name", "a"]],
    ["-", {}, ["-"]],
    ["--name --quiet", { name: "--quiet" }, []],
    ["--name a --name b", { name: "b" }, []],
    ["", {}, []],
  ])("%s", (line, values, args) => {
    expect(parse(line)).toEqual({ values, args, help: false });
  });

  it("ends at the image when asked to: what follows is the container's", () => {
    expect(parse("-d image --name x -q", true)).toEqual({
      values: { detach: true },
      args: ["image", "--name", "x", "-q"],
      help: false,
    });
    expect(parse("-- -d image", true).args).toEqual(["-d", "image"]);
  });

  it.each(["--help", "-h", "-dh", "x --help"])("%s asks for help", (line) => {
    expect(parse(line).help).toBe(true);
  });

  it.each([
    ["--foo", "unknown flag: --foo"],
    ["--foo=1", "unknown flag: --foo"],
    ["--toString", "unknown flag: --toString"],
    ["-x", "unknown shorthand flag: 'x' in -x"],
    ["-dx", "unknown shorthand flag: 'x' in -x"],
    ["--name", "flag needs an argument: --name"],
    ["-p", "flag needs an argument: 'p' in -p"],
    ["---", "bad flag syntax: ---"],
    ["--=a", "bad flag syntax: --=a"],
    ["--replicas=", 'invalid argument "" for "--replicas" flag: strconv.ParseUint: parsing "": invalid syntax'],
    ["--detach=x", 'invalid argument "x" for "-d, --detach" flag: strconv.ParseBool: parsing "x": invalid syntax'],
  ])("%s: %s", (line, why) => {
    expect(() => parse(line)).toThrow(new RegExp(`^${why.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}$`));
  });
});
