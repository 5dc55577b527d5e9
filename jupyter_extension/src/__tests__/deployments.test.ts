import { DeploymentsModel } from '../models/deployments';
import type { Schedule } from '../wire';
import { Feed } from '../models/feed';
import { deployment, FakeServer, health, settle, snapshot } from './fakes';

function setUp() {
  const server = new FakeServer();
  const api = {
    openStream: server.openStream,
    changes: jest.fn(),
    health: jest.fn().mockResolvedValue(health()),
    deploy: jest.fn(),
    runDeployment: jest.fn(),
    pauseDeployment: jest.fn(),
    deleteDeployment: jest.fn().mockResolvedValue(undefined),
    setScheduleActive: jest.fn(),
    previewSchedule: jest
      .fn()
      .mockResolvedValue({ description: 'Every minute', next: [] })
  };
  const feed = new Feed(api);
  const deployments = new DeploymentsModel(api, feed);
  feed.start();
  server.socket.say(snapshot(1, { deployments: [deployment('b'), deployment('a')] }));
  return { server, api, deployments };
}

test('deployments stand by name and follow the stream', () => {
  const { server, deployments } = setUp();
  const row = deployment('c') as never;
  const at = '';
  const events = [
    {
      seq: 2,
      kind: 'deployment.created',
      noun: 'deployments',
      resource_id: 'id of c',
      at,
      row
    },
    {
      seq: 3,
      kind: 'deployment.deleted',
      noun: 'deployments',
      resource_id: 'id of b',
      at,
      row: {}
    }
  ];
  server.socket.say({ type: 'changes', from: 1, to: 3, events });
  expect(deployments.all.map(row => row.name)).toEqual(['a', 'c']);
});

test('a timing is put in words once, however many show it', async () => {
  const { api, deployments } = setUp();
  const timing = { interval: 60 };
  expect(deployments.words(timing)).toBe('');
  await Promise.all([deployments.learn(timing), deployments.learn({ interval: 60 })]);
  expect(deployments.words(timing)).toBe('Every minute');
  expect(api.previewSchedule).toHaveBeenCalledTimes(1);
});

test('the next run goes on from what is known: short intervals by sum, others by preview', async () => {
  const { api, deployments } = setUp();
  const at = (minute: number): string =>
    new Date(Date.UTC(2126, 10, 22, 12, minute)).toISOString();
  const now = Date.parse(at(7)) + 1;
  const every = { next_at: at(0), timing: { interval: 300 } } as Schedule;
  expect(deployments.nextAt(every, Date.parse(at(0)) - 1)).toBe(at(0));
  expect(deployments.nextAt(every, now)).toBe(at(10));
  const cron = { next_at: at(0), timing: { cron: '*/8 * * * *' } } as Schedule;
  api.previewSchedule.mockResolvedValue({
    description: 'x',
    next: [at(0), at(8), at(16)]
  });
  await deployments.learn(cron.timing);
  expect(deployments.nextAt(cron, now)).toBe(at(8));
  expect(deployments.nextAt({ ...cron, next_at: null }, now)).toBeNull();
});

test('the answer to a change is shown without waiting for the stream', async () => {
  const { api, deployments } = setUp();
  api.pauseDeployment.mockResolvedValue(deployment('a', { paused: true }));
  await deployments.pause('id of a', true);
  expect(deployments.get('id of a')?.paused).toBe(true);
  await deployments.remove('id of a');
  await settle();
  expect(deployments.get('id of a')).toBeUndefined();
});

test('deployments are found by name, path and tag', () => {
  const { server, deployments } = setUp();
  const row = deployment('c', { tags: ['Nightly'], path: '/work/etl/c.ipynb' });
  const event = { seq: 2, kind: 'x', noun: 'deployments', resource_id: row.id, at: '' };
  const events = [{ ...event, row: row as never }];
  server.socket.say({ type: 'changes', from: 1, to: 2, events });
  const found = (text: string): string[] =>
    deployments.found(text).map(each => each.name);
  expect(found('NIGHT')).toEqual(['c']);
  expect(found('etl/')).toEqual(['c']);
  expect(found(' ')).toEqual(['a', 'b', 'c']);
});
