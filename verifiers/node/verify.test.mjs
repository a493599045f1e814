import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { once } from "node:events";
import { test } from "node:test";
import { verifier } from "./verify.mjs";

const table = JSON.parse(readFileSync(new URL("../vectors/access_tokens.json", import.meta.url)));
const good = table.tokens[0].token;
const MINUTE = 60_000;

test("the last keys go on for a day while the broker is away, and it is not asked for each token", async (t) => {
  let now = Date.now();
  t.mock.method(Date, "now", () => now);
  let asked = 0;
  let away = false;
  const broker = createServer((_, answer) => {
    asked += 1;
    answer.writeHead(away ? 503 : 200).end(JSON.stringify(table.jwks));
  }).listen(0, "127.0.0.1");
  t.after(() => broker.close());
  await once(broker, "listening");
  const keys = `http://127.0.0.1:${broker.address().port}/`;
  const verified = verifier(table.issuer, table.audience, table.scope, keys);

  await verified(good);
  away = true;
  now += 6 * MINUTE;
  for (let i = 0; i < 9; i += 1) await verified(good);
  assert.equal(asked, 2);

  away = false;
  now += MINUTE;
  await verified(good);
  assert.equal(asked, 3);

  away = true;
  now += 24 * 60 * MINUTE;
  await assert.rejects(verified(good), /cannot be fetched/);
});
