// Cases for the official Node SDK. The world (gateway, simulated provider) is a child process that says where it is.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import readline from "node:readline";
import OpenAI from "openai";
import { zodResponseFormat } from "openai/helpers/zod";
import { z } from "zod";

const [, , worldFile, ...wanted] = process.argv;
const child = spawn("python3", [worldFile], { stdio: ["pipe", "pipe", "inherit"] });
const lines = readline.createInterface({ input: child.stdout });
const world = JSON.parse(await new Promise((resolve, reject) => {
  lines.once("line", resolve);
  child.once("exit", (code) => reject(new Error(`the world ended with ${code}`)));
}));

const say = [{ role: "user", content: "Say something about rivers" }];
const weather = [{ type: "function", function: { name: "get_weather", parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] } } }];
const client = (key = "main", more = {}) => new OpenAI({ baseURL: world.url, apiKey: world.keys[key] ?? key, maxRetries: 0, timeout: 20000, ...more });
const chat = (fields = {}, key = "main", more = {}) => client(key, more).chat.completions.create({ model: "chat", messages: say, ...fields });

async function raises(kind, action) {
  try {
    await action();
  } catch (caught) {
    assert.equal(caught.constructor.name, kind.name, `${caught.constructor.name} instead of ${kind.name}: ${caught.message}`);
    return caught;
  }
  assert.fail(`no ${kind.name}`);
}

async function record(id) {
  for (let i = 0; i < 200; ++i) {
    const got = await fetch(`http://${world.admin}/api/v1/records/${id}`, { headers: { authorization: `Bearer ${world.token}` } });
    if (got.status === 200) return got.json();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert.fail(`no record ${id}`);
}

async function collect(stream) {
  const out = [];
  for await (const chunk of stream) out.push(chunk);
  return out;
}

const cases = {
  async chat() {
    const { data, response } = await client().chat.completions.create({ model: "chat", messages: say, user: "node" }).withResponse();
    assert.ok(data.choices[0].message.content);
    const found = await record(response.headers.get("x-andon-request-id"));
    assert.deepEqual(found.request.messages, say);
    assert.equal(found.reply.choices[0].message.content, data.choices[0].message.content);
    assert.equal(found.usage.output, data.usage.completion_tokens);
    assert.equal(found.user, "node");
  },
  async stream() {
    const { data, response } = await client().chat.completions.create({ model: "chat", messages: say, stream: true }).withResponse();
    const chunks = await collect(data);
    assert.equal(chunks[0].choices[0].delta.role, "assistant");
    assert.equal(chunks.at(-1).choices[0].finish_reason, "stop");
    assert.ok(chunks.every((c) => c.choices.length === 1 && !c.usage));
    const text = chunks.map((c) => c.choices[0].delta.content ?? "").join("");
    const found = await record(response.headers.get("x-andon-request-id"));
    assert.equal(found.reply.choices[0].message.content, text);
    assert.ok(found.usage.output > 0 && !found.usage.estimated);
  },
  async stream_with_usage() {
    const chunks = await collect(await chat({ stream: true, stream_options: { include_usage: true } }));
    assert.deepEqual(chunks.at(-1).choices, []);
    assert.ok(chunks.at(-1).usage.completion_tokens > 0);
  },
  async stream_helper() {
    const runner = client().chat.completions.stream({ model: "chat", messages: say });
    let text = "";
    runner.on("content", (delta) => (text += delta));
    const last = await runner.finalChatCompletion();
    assert.equal(last.choices[0].message.content, text);
  },
  async tools() {
    const messages = [{ role: "user", content: "call get_weather for Bergen" }];
    const whole = await chat({ messages, tools: weather });
    const made = whole.choices[0].message.tool_calls[0];
    assert.equal(made.function.name, "get_weather");
    assert.ok("city" in JSON.parse(made.function.arguments));
    const parts = await collect(await chat({ messages, tools: weather, stream: true }));
    const streamed = parts.flatMap((c) => c.choices[0].delta.tool_calls ?? []).map((t) => t.function.arguments ?? "").join("");
    assert.equal(streamed, made.function.arguments);
  },
  async structured_output() {
    const place = z.object({ name: z.string(), people: z.number().int(), coastal: z.boolean() });
    const got = await client().chat.completions.parse({ model: "chat", messages: say, response_format: zodResponseFormat(place, "place") });
    place.parse(got.choices[0].message.parsed);
  },
  async several_choices() {
    const got = await chat({ n: 3, logprobs: true });
    assert.deepEqual(got.choices.map((c) => c.index), [0, 1, 2]);
    assert.ok(got.choices[0].logprobs.content.length > 0);
  },
  async completions() {
    const got = await client().completions.create({ model: "instruct", prompt: "Once", max_tokens: 10 });
    assert.ok(got.choices[0].text);
  },
  async embeddings() {
    const encoded = await client().embeddings.create({ model: "embed", input: ["a", "b"], dimensions: 32 });
    const floats = await client().embeddings.create({ model: "embed", input: ["a", "b"], dimensions: 32, encoding_format: "float" });
    assert.equal(encoded.data[1].embedding.length, 32);
    encoded.data[1].embedding.forEach((v, i) => assert.ok(Math.abs(v - floats.data[1].embedding[i]) < 1e-5));
  },
  async models() {
    const names = (await collect(client().models.list())).map((m) => m.id);
    assert.ok(names.includes("chat") && names.includes("embed"));
    assert.equal((await client().models.retrieve("chat")).id, "chat");
    await raises(OpenAI.NotFoundError, () => client().models.retrieve("nothing"));
  },
  async errors() {
    const wrong = await raises(OpenAI.AuthenticationError, () => chat({}, "sk-wrong"));
    assert.equal(wrong.code, "invalid_api_key");
    assert.equal((await raises(OpenAI.NotFoundError, () => chat({ model: "nothing" }))).code, "model_not_found");
    await raises(OpenAI.BadRequestError, () => chat({ messages: "no list" }));
    assert.equal((await raises(OpenAI.BadRequestError, () => chat({ model: "too-long" }))).code, "context_length_exceeded");
    await raises(OpenAI.PermissionDeniedError, () => chat({ model: "instruct" }, "narrow"));
    await raises(OpenAI.InternalServerError, () => chat({ model: "down" }));
    assert.equal((await raises(OpenAI.InternalServerError, () => chat({ model: "silent" }))).status, 504);
  },
  async limits_and_budgets() {
    await chat({}, "paced");
    await chat({}, "paced");
    const limited = await raises(OpenAI.RateLimitError, () => chat({}, "paced"));
    assert.equal(limited.code, "rate_limit_exceeded");
    assert.ok(Number(limited.headers.get("retry-after")) > 0);
    const began = Date.now();
    const poor = await raises(OpenAI.RateLimitError, () => chat({}, "poor", { maxRetries: 3 }));
    assert.equal(poor.code, "insufficient_quota");
    assert.ok(Date.now() - began < 400, "the SDK must not retry a budget's refusal");
  },
  async retries() {
    assert.ok((await chat({ model: "flaky500" }, "main", { maxRetries: 2 })).choices);
    const began = Date.now();
    assert.ok((await chat({ model: "flaky429" }, "main", { maxRetries: 2 })).choices);
    assert.ok(Date.now() - began >= 900, "Retry-After of the provider reaches the SDK");
  },
  async timeouts() {
    await raises(OpenAI.APIConnectionTimeoutError, () => chat({ model: "slow" }, "main", { timeout: 300 }));
  },
  async leaving() {
    const { data, response } = await client().chat.completions.create({ model: "trickle", messages: say, stream: true }).withResponse();
    let seen = 0;
    for await (const chunk of data) if (chunk && ++seen === 5) break;
    const found = await record(response.headers.get("x-andon-request-id"));
    assert.equal(found.outcome, "client_gone");
    assert.ok(found.usage.estimated && Number(found.cost_usd) > 0 && found.stream_events < 60);
  },
  async broken_streams() {
    for (const model of ["cut", "undone", "broken"]) {
      const seen = [];
      await assert.rejects(async () => { for await (const chunk of await chat({ model, stream: true })) seen.push(chunk); }, OpenAI.APIError);
      assert.ok(seen.length > 0, model);
    }
  },
};

let failed = 0, ran = 0;
const status = await (async () => {
  for (const [name, run] of Object.entries(cases)) {
    if (wanted.length && !wanted.includes(name)) continue;
    ++ran;
    const began = performance.now();
    try {
      await run();
      console.log(`  ok   ${name} (${((performance.now() - began) / 1000).toFixed(2)} s)`);
    } catch (why) {
      ++failed;
      console.log(`  FAIL ${name}\n${why.stack}`);
    }
  }
  console.log(`${ran - failed} passed, ${failed} failed`);
  return failed ? 1 : 0;
})();
const ended = new Promise((resolve) => child.once("exit", resolve));
child.stdin.end();
await ended;
process.exit(status);
