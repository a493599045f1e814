// Reads a token a line, and answers each with a line: whose it is, or why not.
import { createInterface } from "node:readline";
import { verifier } from "./verify.mjs";

const verified = verifier(...process.argv.slice(2));
for await (const token of createInterface({ input: process.stdin })) {
  const line = await verified(token).then(
    (claims) => `accepted ${claims.sub}`,
    (fault) => `refused ${fault.message.split("\n")[0]}`,
  );
  console.log(line);
}
