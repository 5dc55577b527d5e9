/**
 * What is typed into one control: from a value to text and back, and what is wrong with the text.
 * Nothing is converted that the text does not say; patterns are the server's to check, as Python's
 * are not JavaScript's.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import { JSONExt } from '@lumino/coreutils';
import type { Json } from '../wire';
import { referenceOf, referenceTo } from './blockreferences';
import { choicesOf, type IShape } from './schemas';

/**
 * How a text is edited when not by its kind's own control: `lines` of text, `plain` text where the
 * browser's control has no room for the value, `half` of a date, the name of a `block` for a secret.
 */
export type Look = 'lines' | 'plain' | 'half' | 'block';

export interface ILeafText {
  readonly text: string;
  readonly as?: Look;
}

/** What is typed; `kept`: the value that no text stands for: the secret there was, or no text. */
export interface ITyped extends ILeafText {
  readonly kept?: Json;
}

/** What a text is read for; `item`: where text is asked for, no text is a text too. */
export type Place = 'needed' | 'optional' | 'item';

export type Found = { readonly value: Json } | { readonly error: string };

const INTEGER = /^[+-]?\d+$/;
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const DATE = /^\d{4}-\d\d-\d\d$/;
const TIME = /^([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?$/;
const WALL_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/;
const INSTANT = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)$/i;
const NO_OFFSET = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?$/;
const ANY_TIME = /^\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?$/i;
const DURATION =
  /^[+-]?P(?=[\dT])(\d+W)?(\d+(\.\d+)?D)?(T(?=\d)(\d+H)?(\d+M)?(\d+(\.\d{1,6})?S)?)?$/;

/** Show a value in the control of its kind; null: it cannot hold this value. */
export function leafText(shape: IShape, value: Json): ITyped | null {
  switch (shape.kind) {
    case 'choice':
    case 'boolean': {
      const options = shape.kind === 'boolean' ? [true, false] : valuesOf(shape);
      const among = options.some(option => JSONExt.deepEqual(option, value));
      return among ? { text: JSON.stringify(value) } : null;
    }
    case 'integer':
    case 'number': {
      const text = typeof value === 'number' ? String(value) : '';
      const pattern = shape.kind === 'integer' ? INTEGER : NUMBER;
      return pattern.test(text) ? { text } : null;
    }
    case 'block': {
      const text = referenceOf(value);
      return text === null ? null : { text };
    }
    default:
      return typeof value === 'string' ? shownText(shape, value) : null;
  }
}

function valuesOf(shape: IShape): Json[] {
  return choicesOf(shape).map(({ value }) => value);
}

function shownText({ kind, schema }: IShape, text: string): ITyped {
  const plain = { text, as: 'plain' } as const;
  switch (kind) {
    case 'date':
      return DATE.test(text) && isDay(text) ? { text } : plain;
    case 'time':
      return TIME.test(text) ? { text } : plain;
    case 'walltime':
      return WALL_TIME.test(text) && isDay(text) ? { text } : plain;
    case 'datetime': {
      const wall = text.slice(0, 19);
      const here = WALL_TIME.test(wall) && text === wall + offsetAt(wall);
      return here ? { text: wall } : plain;
    }
    default:
      return {
        text,
        ...(kind === 'text' && !text && { kept: text }),
        ...((text.includes('\n') || isLong(schema)) && { as: 'lines' as const })
      };
  }
}

/** Say whether a schema asks for more than a line of text. */
export function isLong({
  format,
  contentMediaType
}: Pick<IShape['schema'], 'format' | 'contentMediaType'>): boolean {
  return format === 'multiline' || format === 'textarea' || !!contentMediaType;
}

/** Give the offset of the person's own zone at a wall time: `+01:00`. */
export function offsetAt(wall: string): string {
  const minutes = -new Date(wall).getTimezoneOffset();
  const two = (n: number): string => String(Math.trunc(n)).padStart(2, '0');
  const size = Math.abs(minutes);
  return `${minutes < 0 ? '-' : '+'}${two(size / 60)}:${two(size % 60)}`;
}

/** Give what stands in JSON text for a secret: which one it is, never what. */
export function secretMark(at: string): string {
  return `******** (${at})`;
}

const SECRET_MARK = /^\*{8} \(.*\)$/s;

/** Read what was typed; no value: nothing is said. */
export function readLeaf(
  shape: IShape,
  typed: ITyped,
  place: Place,
  trans: TranslationBundle
): Found | { readonly value: undefined } {
  const { text, as, kept } = typed;
  const { kind, schema } = shape;
  if (as === 'half') {
    return { error: trans.__('This is not complete.') };
  }
  if (as === 'block') {
    return text ? { value: referenceTo(text) } : { error: trans.__('Choose a block.') };
  }
  if (!text && kept !== undefined) {
    const mark =
      kind === 'secret' && typeof kept === 'string' && SECRET_MARK.test(kept);
    return mark ? { error: trans.__('Type the secret itself.') } : { value: kept };
  }
  const isText = kind === 'text' || kind === 'secret';
  const meant = kind === 'text' && (place === 'item' || schema.default !== undefined);
  if (!(isText ? text : text.trim()) && !meant) {
    return place === 'optional' ? { value: undefined } : { error: lacking(trans) };
  }
  return leafValue(shape, typed, trans);
}

export function lacking(trans: TranslationBundle): string {
  return trans.__('This has no default: give a value.');
}

/** Read what was typed, which is not nothing. */
export function leafValue(
  shape: IShape,
  { text, as }: ILeafText,
  trans: TranslationBundle
): Found {
  const found = readKind(shape, text, as, trans);
  if ('error' in found) {
    return found;
  }
  const error =
    typeof found.value === 'number'
      ? outOfBounds(shape, found.value, trans)
      : typeof found.value === 'string'
        ? wrongLength(shape, found.value, trans)
        : null;
  return error ? { error } : found;
}

function readKind(
  shape: IShape,
  text: string,
  as: Look | undefined,
  trans: TranslationBundle
): Found {
  const bare = text.trim();
  switch (shape.kind) {
    case 'block':
      return { value: referenceTo(bare) };
    case 'integer':
      return readInteger(bare, trans);
    case 'number': {
      const value = Number(bare);
      const reads = NUMBER.test(bare) && Number.isFinite(value);
      return reads ? { value } : { error: trans.__('This is not a number.') };
    }
    case 'boolean':
    case 'choice': {
      const value = parse(text);
      const error = trans.__('This is none of the choices.');
      return value === undefined ? { error } : { value };
    }
    case 'date':
    case 'time':
    case 'datetime':
    case 'walltime':
    case 'duration':
      return readTime(shape.kind, bare, as, trans);
    default:
      return { value: text };
  }
}

function readInteger(text: string, trans: TranslationBundle): Found {
  if (!INTEGER.test(text)) {
    return { error: trans.__('This is not a whole number.') };
  }
  const value = Number(text);
  const error = trans.__('This is too large to be sent exactly.');
  return Number.isSafeInteger(value) ? { value } : { error };
}

type TimeKind = 'date' | 'time' | 'datetime' | 'walltime' | 'duration';

function readTime(
  kind: TimeKind,
  text: string,
  as: Look | undefined,
  trans: TranslationBundle
): Found {
  const whole = text.length === 16 ? `${text}:00` : text;
  const said = (reads: boolean, value: string, example: string): Found =>
    reads ? { value } : { error: trans.__('Write it as %1.', example) };
  switch (kind) {
    case 'date':
      return said(DATE.test(text) && isDay(text), text, '2026-11-22');
    case 'time':
      return said(ANY_TIME.test(text), text, '13:00:00');
    case 'duration':
      return said(DURATION.test(text), text, 'PT1H30M');
    case 'walltime': {
      const reads = NO_OFFSET.test(text) && isDay(text);
      return said(reads, as === 'plain' ? text : whole, '2026-11-22T13:00:00');
    }
    case 'datetime': {
      const value = as === 'plain' ? text : whole + offsetAt(whole);
      const reads = INSTANT.test(value) && isDay(value);
      return said(reads, value, '2026-11-22T13:00:00+01:00');
    }
  }
}

/** Say whether a text begins with a day there is. */
function isDay(text: string): boolean {
  const day = text.slice(0, 10);
  const found = new Date(`${day}T00:00:00Z`);
  return !Number.isNaN(found.getTime()) && found.toISOString().startsWith(day);
}

function outOfBounds(
  { schema }: IShape,
  value: number,
  trans: TranslationBundle
): string | null {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf } = schema;
  if (minimum !== undefined && value < minimum) {
    return trans.__('It is at least %1.', minimum);
  }
  if (maximum !== undefined && value > maximum) {
    return trans.__('It is at most %1.', maximum);
  }
  if (exclusiveMinimum !== undefined && value <= exclusiveMinimum) {
    return trans.__('It is more than %1.', exclusiveMinimum);
  }
  if (exclusiveMaximum !== undefined && value >= exclusiveMaximum) {
    return trans.__('It is less than %1.', exclusiveMaximum);
  }
  const times = multipleOf ? value / multipleOf : 0;
  return Math.abs(times - Math.round(times)) > 1e-9
    ? trans.__('It is a multiple of %1.', multipleOf)
    : null;
}

function wrongLength(
  { schema }: IShape,
  text: string,
  trans: TranslationBundle
): string | null {
  const length = [...text].length;
  const { minLength = 0, maxLength = Infinity } = schema;
  if (length < minLength) {
    return trans.__('It has at least %1 characters.', minLength);
  }
  return length > maxLength
    ? trans.__('It has at most %1 characters.', maxLength)
    : null;
}

/** Read JSON; undefined: it is none. */
export function parse(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}

/** Write JSON, on one line where that is short. */
export function jsonText(value: Json): string {
  const line = JSON.stringify(value);
  return line.length <= 60 ? line : JSON.stringify(value, null, 2);
}
