// Plays one scenario with the official SDK against the base URL it is given, and prints one JSON line: what came of it.
//
//	node play.mjs SCENARIO BASE_URL
import Anthropic from '@anthropic-ai/sdk';

const [scenario, baseURL] = process.argv.slice(2);
const client = new Anthropic({ baseURL, apiKey: 'sk-ant-api03-fake', maxRetries: 2 });
const prompt = (script, more = '') => [{ role: 'user', content: `${more}[[s:${script} say=canary]]` }];
const tools = [{ name: 'Bash', description: 'runs a command', input_schema: { type: 'object', properties: { command: { type: 'string' } } } }];
const request = (script, more) => ({ model: 'claude-opus-5-5', max_tokens: 1024, messages: prompt(script, more), tools });

// text is what the model said, calls are the tools it called.
const told = (m) => ({
  stop: m.stop_reason,
  usage: m.usage,
  types: m.content.map((b) => b.type),
  text: m.content.filter((b) => b.type === 'text').map((b) => b.text).join(''),
  calls: m.content.filter((b) => b.type === 'tool_use').map((b) => b.input),
});

// stream takes a stream apart and together again.
async function stream(body, options) {
  const events = [];
  const s = client.messages.stream(body, options);
  s.on('streamEvent', (e) => events.push(e.type));
  const m = await s.finalMessage();
  return { events, ...told(m) };
}

// agent goes on until the model calls no more tools.
async function agent(script, turn) {
  const messages = prompt(script);
  const turns = [];
  for (let i = 0; i < 10; i++) {
    const body = { model: 'claude-opus-5-5', max_tokens: 1024, messages, tools };
    const m = turn === 'stream' ? await client.messages.stream(body).finalMessage() : await client.messages.create(body);
    turns.push(told(m));
    const calls = m.content.filter((b) => b.type === 'tool_use');
    if (calls.length === 0) break;
    messages.push({ role: 'assistant', content: m.content });
    messages.push({ role: 'user', content: calls.map((c) => ({ type: 'tool_result', tool_use_id: c.id, content: `done ${c.input.command}` })) });
  }
  return turns;
}

const failing = (f) => f().then((v) => ({ unexpected: v }), (e) => ({ error: e.constructor.name, status: e.status, message: e.message, type: e.error?.error?.type }));

const scenarios = {
  create: async () => told(await client.messages.create(request('text'))),
  stream: () => stream(request('text')),
  'tool loop': () => agent('bash'),
  'parallel tools, streaming': () => agent('parallel', 'stream'),
  'interleaved blocks': () => agent('interleave', 'stream'),
  thinking: () => agent('think', 'stream'),
  'web search': () => stream(request('search')),
  connector: () => stream(request('connector')),
  400: () => failing(() => client.messages.create(request('e400'))),
  403: () => failing(() => client.messages.create(request('e403'))),
  500: () => failing(() => client.messages.create(request('e500'))),
  '429, then fine': async () => told(await client.messages.create(request('e429'))),
  '529 twice, then fine': async () => told(await client.messages.create(request('e529'))),
  'an error in the middle': () => failing(() => stream(request('cut'))),
  'a line that breaks': () => failing(() => stream(request('drop'))),
  'a large answer': async () => {
    const m = await stream(request('big'));
    return { events: m.events.length, text: m.text.length };
  },
  'a body of 10 MB': async () => told(await client.messages.create(request('text', 'All work and no play makes a long prompt. '.repeat(250000)))),
  abort: async () => {
    const s = client.messages.stream(request('silent'));
    s.on('streamEvent', () => s.abort());
    return failing(() => s.finalMessage());
  },
  'a silence with pings': () => stream(request('silent')),
  count_tokens: () => client.messages.countTokens({ model: 'claude-opus-5-5', messages: prompt('text') }),
  models: async () => {
    const ids = [];
    for await (const m of client.models.list({ limit: 2 })) ids.push(m.id);
    return ids;
  },
  hello: async () => (await fetch(`${baseURL}/api/hello`, { method: 'HEAD' })).status,
};

const result = await scenarios[scenario]();
console.log(JSON.stringify(result));
