/**
 * A question that is answered in a form, as an answer cell's metadata define it (see `question.v1.json`).
 */
export interface IForm {
  readonly kind: 'choice' | 'number' | 'order';
  readonly variable: string;
  readonly prompt: string;
  readonly options: readonly string[];
  readonly multiple: boolean;
  readonly unit: string;
  readonly minimum: number | null;
  readonly maximum: number | null;
}

/**
 * An answer: an option, options, or a number; null before there is one.
 */
export type Answer = string | readonly string[] | number | null;

/**
 * Read a form, or return null where the metadata hold none that can be shown.
 */
export function formOf(value: unknown): IForm | null {
  if (typeof value !== 'object' || value === null) {
    return null;
  }
  const found = value as Record<string, unknown>;
  const { kind, variable, prompt } = found;
  const options = Array.isArray(found.options)
    ? found.options.filter(item => typeof item === 'string')
    : [];
  if (
    (kind !== 'choice' && kind !== 'number' && kind !== 'order') ||
    typeof variable !== 'string' ||
    !/^[A-Za-z_]\w*$/.test(variable) ||
    typeof prompt !== 'string' ||
    (kind !== 'number' && options.length < 2)
  ) {
    return null;
  }
  const number = (bound: unknown) => (typeof bound === 'number' ? bound : null);
  return {
    kind,
    variable,
    prompt,
    options,
    multiple: found.multiple === true,
    unit: typeof found.unit === 'string' ? found.unit : '',
    minimum: number(found.minimum),
    maximum: number(found.maximum)
  };
}

/**
 * Return the source of a cell with an answer: JSON's strings, lists and numbers are Python's, too.
 */
export function sourceOf(form: IForm, answer: Answer): string {
  const literal = Array.isArray(answer)
    ? `[${answer.map(item => JSON.stringify(item)).join(', ')}]`
    : answer === null
      ? 'None'
      : JSON.stringify(answer);
  return `${form.variable} = ${literal}`;
}

/**
 * Return the answer that a source gives; undefined where it is code of another kind.
 */
export function answerOf(form: IForm, source: string): Answer | undefined {
  const found = new RegExp(
    `^\\s*${form.variable}\\s*=\\s*(.*?)\\s*$`,
    's'
  ).exec(source);
  if (!found) {
    return source.trim() === '' ? null : undefined;
  }
  if (found[1] === 'None') {
    return null;
  }
  let value: unknown;
  try {
    value = JSON.parse(found[1]);
  } catch {
    return undefined;
  }
  return fits(form, value) ? value : undefined;
}

function fits(form: IForm, value: unknown): value is Answer {
  const { kind, options, multiple } = form;
  if (kind === 'number') {
    return typeof value === 'number';
  }
  if (kind === 'choice' && !multiple) {
    return typeof value === 'string' && options.includes(value);
  }
  return (
    Array.isArray(value) &&
    new Set(value).size === value.length &&
    value.every(item => options.includes(item as string)) &&
    (kind === 'choice' || value.length === options.length)
  );
}
