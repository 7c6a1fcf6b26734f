import { expect, test } from "vitest";
import type { StatusReport } from "../../src/gen/skep/v1/dispatcher.js";
import { TaskState, TaskStatus } from "../../src/gen/skep/v1/objects.js";
import { VirtualClock } from "../../src/sim/index.js";
import { Reporter, stepsMs } from "../../src/worker/reporter.js";

const { ACCEPTED, PREPARING, RUNNING } = TaskState;
const status = (state: TaskState, err = ""): TaskStatus => TaskStatus.fromPartial({ state, err });
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const contents = (report: StatusReport | undefined): string[] | undefined =>
  report?.tasks.map((task) => `${task.taskId}=${task.status?.state}`);

test("gathers a turn's statuses in one report, then only the newest of each until that is acknowledged", async () => {
  const reporter = new Reporter();
  const sent: StatusReport[] = [];
  reporter.attach((report) => sent.push(report));
  reporter.report("t1", status(ACCEPTED));
  reporter.report("t2", status(ACCEPTED));
  await turn();
  expect(contents(sent[0])).toEqual([`t1=${ACCEPTED}`, `t2=${ACCEPTED}`]);
  reporter.report("t1", status(PREPARING));
  reporter.report("t1", status(RUNNING));
  await turn();
  expect(sent).toHaveLength(1);
  reporter.acknowledge(99);
  expect(sent).toHaveLength(1);
  reporter.acknowledge(1);
  expect(contents(sent[1])).toEqual([`t1=${RUNNING}`]);
});

test("a new session hears everything again, acknowledged or not, but nothing of forgotten tasks", async () => {
  const reporter = new Reporter();
  reporter.attach(() => undefined);
  for (const id of ["t1", "t2", "t3"]) reporter.report(id, status(RUNNING));
  await turn();
  reporter.detach();
  reporter.forget("t2");
  const sent: StatusReport[] = [];
  reporter.attach((report) => sent.push(report));
  await turn();
  expect(sent.map(contents)).toEqual([[`t1=${RUNNING}`, `t3=${RUNNING}`]]);
});

test("a report stays below the size of a message", async () => {
  const reporter = new Reporter();
  const sent: StatusReport[] = [];
  reporter.attach((report) => {
    sent.push(report);
    reporter.acknowledge(report.number);
  });
  for (let number = 0; number < 30; number++) reporter.report(`t${number}`, status(RUNNING, "x".repeat(10_000)));
  await turn();
  expect(sent.map(({ tasks }) => tasks.length)).toEqual([5, 5, 5, 5, 5, 5]);
});

test("a step waits a moment for the next one; what somebody acts on goes at once and takes it along", async () => {
  const clock = new VirtualClock();
  const reporter = new Reporter(clock);
  const sent: StatusReport[] = [];
  reporter.attach((report) => sent.push(report));
  await clock.settle();
  reporter.report("t1", status(ACCEPTED));
  await clock.advance(stepsMs - 1);
  expect(sent).toEqual([]);
  reporter.report("t2", status(PREPARING));
  await clock.advance(1);
  expect(contents(sent[0])).toEqual([`t1=${ACCEPTED}`, `t2=${PREPARING}`]);
  reporter.acknowledge(1);
  reporter.report("t1", status(PREPARING));
  reporter.report("t2", status(RUNNING));
  await clock.settle();
  expect(contents(sent[1])).toEqual([`t1=${PREPARING}`, `t2=${RUNNING}`]);
});

test("a step that comes while a report is under way does not go with its acknowledgement, but in its time", async () => {
  const clock = new VirtualClock();
  const reporter = new Reporter(clock);
  const sent: StatusReport[] = [];
  reporter.attach((report) => sent.push(report));
  reporter.report("t1", status(RUNNING));
  await clock.settle();
  reporter.report("t2", status(ACCEPTED));
  reporter.acknowledge(1);
  await clock.settle();
  expect(sent).toHaveLength(1);
  await clock.advance(stepsMs);
  expect(contents(sent[1])).toEqual([`t2=${ACCEPTED}`]);
});
