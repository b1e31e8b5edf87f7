#!/usr/bin/env node
// Reads cargo's messages and prints the path of one test program: package and target are named.
import { createInterface } from "node:readline";

const [, , wantedPackage, wantedTarget] = process.argv;
let found;
for await (const line of createInterface({ input: process.stdin })) {
  if (!line.startsWith("{")) continue;
  const message = JSON.parse(line);
  if (message.reason !== "compiler-artifact" || !message.executable || !message.target.kind.includes("test")) continue;
  // `path+file:///…/name#1.2.3`, or `…#name@1.2.3` where folder and package differ.
  const packageName = message.package_id.match(/#([^@]+)@[^@]+$/)?.[1] ?? message.package_id.match(/([^/]+)#[^#]+$/)?.[1];
  if (packageName === wantedPackage && message.target.name === wantedTarget) found = message.executable;
}
if (!found) {
  console.error(`cargo built no test program ${wantedTarget} of ${wantedPackage}`);
  process.exit(1);
}
console.log(found);
