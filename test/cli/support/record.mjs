// Records what the stock docker CLI says to a real engine in swarm mode, and what it prints: the fixtures of golden.test.ts.
// Usage: node test/cli/support/record.mjs ENGINE_SOCKET DOCKER_BINARY CASES.json OUT_DIR
// CASES.json: [{ "name": "service-ls", "args": ["service", "ls"], "stdin"?: "…", "env"?: {…} }]
import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import path from "node:path";

const [engine, docker, casesFile, outDir] = process.argv.slice(2);
const cases = JSON.parse(readFileSync(casesFile, "utf8"));
mkdirSync(outDir, { recursive: true });

for (const testCase of cases) {
  const recorded = await record(testCase);
  writeFileSync(path.join(outDir, `${testCase.name}.json`), `${JSON.stringify(recorded, undefined, 1)}\n`);
  process.stderr.write(`${testCase.name}: exit ${recorded.exit}, ${recorded.exchanges.length} calls\n`);
}

async function record({ name, args, stdin = "", env = {} }) {
  const exchanges = [];
  const socket = path.join(outDir, `${name}.sock`);
  rmSync(socket, { force: true });
  const server = http.createServer((request, response) => void relay(request, response, exchanges));
  await new Promise((resolve) => server.listen(socket, resolve));
  const now = new Date().toISOString();
  const child = spawn(docker, args, {
    env: { PATH: process.env.PATH, HOME: "/nonexistent", DOCKER_HOST: `unix://${socket}`, ...env },
  });
  child.stdin.end(stdin);
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  const exit = child.exitCode ?? (await new Promise((resolve) => child.on("exit", resolve)));
  server.close();
  server.closeAllConnections();
  return {
    args,
    ...(stdin ? { stdin } : {}),
    ...(Object.keys(env).length ? { env } : {}),
    now,
    ...JSON.parse(redact(JSON.stringify({ exchanges, stdout }))),
    stderr,
    exit,
  };
}

async function relay(request, response, exchanges) {
  const body = await text(request);
  const answer = await new Promise((resolve, reject) => {
    const { host: _, ...headers } = request.headers;
    const upstream = http.request(
      { socketPath: engine, method: request.method, path: request.url, headers: { ...headers, host: "docker" } },
      resolve,
    );
    upstream.on("error", reject);
    upstream.end(body);
  });
  const answered = await text(answer);
  const { method, url } = request;
  const auth = request.headers["x-registry-auth"];
  exchanges.push({
    method,
    path: url,
    ...(auth === undefined ? {} : { auth }),
    ...(body === "" ? {} : { body: json(body) }),
    status: answer.statusCode,
    ...(url.endsWith("/_ping") ? { headers: pick(answer.headers) } : {}),
    ...(answered === "" ? {} : { answer: prune(url, json(answered)) }),
  });
  response.writeHead(answer.statusCode, { ...answer.headers, connection: "close" });
  response.end(answered);
}

/** /info is long, and mostly about the machine. */
function prune(url, answer) {
  return url.endsWith("/info") ? { Name: answer.Name, Swarm: answer.Swarm } : answer;
}

function redact(text) {
  return text.replace(/SWMTKN-1-[a-z0-9]{50}-[a-z0-9]{25}/g, `SWMTKN-1-${"a".repeat(50)}-${"b".repeat(25)}`);
}

function pick(headers) {
  return Object.fromEntries(["api-version", "server", "ostype"].map((key) => [key, headers[key]]));
}

function json(body) {
  try {
    return JSON.parse(body);
  } catch {
    return body;
  }
}

async function text(stream) {
  let all = "";
  for await (const chunk of stream.setEncoding("utf8")) all += chunk;
  return all;
}
