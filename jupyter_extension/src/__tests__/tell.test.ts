import { SHOWN_MS, tellOnce } from '../models/tellonce';

type Told = { type: 'error' | 'info'; message: string; createdAt: number };

function setUp() {
  const notifications: Told[] = [];
  const notify = (message: string, type: 'error'): void => {
    notifications.unshift({ type, message, createdAt: Date.now() });
  };
  return { notifications, notify };
}

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

test('what fails again and again is told once, however long it is listed', () => {
  const errors = setUp();
  for (let i = 0; i < 3; i++) {
    tellOnce(errors, 'The server does not answer.');
    tellOnce(errors, 'It has ended.');
    jest.advanceTimersByTime(SHOWN_MS / 4);
  }
  expect(errors.notifications.map(({ message }) => message)).toEqual([
    'It has ended.',
    'The server does not answer.'
  ]);
});

test('what was told a while ago, or was no error, is told again', () => {
  const errors = setUp();
  tellOnce(errors, 'It has ended.');
  jest.advanceTimersByTime(SHOWN_MS);
  tellOnce(errors, 'It has ended.');
  errors.notifications.unshift({
    type: 'info',
    message: 'Not yet.',
    createdAt: Date.now()
  });
  tellOnce(errors, 'Not yet.');
  expect(errors.notifications).toHaveLength(4);
});
