import type { ICellModel } from '@jupyterlab/cells';
import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import React from 'react';
import { type Answer, answerOf, type IForm, sourceOf } from '../forms';

/**
 * The form of a question, above the cell that holds its answer. What is entered is written into the cell.
 */
export class QuestionForm extends ReactWidget {
  constructor(
    readonly form: IForm,
    private readonly _model: ICellModel,
    private readonly _trans: TranslationBundle
  ) {
    super();
    this.addClass('nbcoach-Question');
    // The notebook's own keys must not take the form's.
    this.node.dataset.lmSuppressShortcuts = 'true';
    this.node.dataset.kind = form.kind;
    _model.contentChanged.connect(this._onChanged, this);
  }

  dispose(): void {
    if (!this.isDisposed) {
      this._model.contentChanged.disconnect(this._onChanged, this);
      super.dispose();
    }
  }

  protected render(): JSX.Element {
    const { form } = this;
    const trans = this._trans;
    const answer = answerOf(form, this._model.sharedModel.getSource());
    const name = `nbcoach-question-${this._model.id}`;
    return (
      <fieldset>
        <legend>{form.prompt}</legend>
        {this._fields(answer ?? null, name)}
        {answer === undefined && (
          <p className="nbcoach-Question-code">
            {trans.__(
              'The cell below holds code of your own. What you enter here takes its place; undo brings it back.'
            )}
          </p>
        )}
      </fieldset>
    );
  }

  private _fields(answer: Answer, name: string): JSX.Element {
    switch (this.form.kind) {
      case 'choice':
        return this._choices(answer, name);
      case 'number':
        return (
          <NumberField
            form={this.form}
            answer={typeof answer === 'number' ? answer : null}
            onAnswer={this._write}
            trans={this._trans}
          />
        );
      default:
        return (
          <OrderField
            form={this.form}
            answer={Array.isArray(answer) ? (answer as string[]) : null}
            onAnswer={this._write}
            trans={this._trans}
          />
        );
    }
  }

  private _choices(answer: Answer, name: string): JSX.Element {
    const { options, multiple } = this.form;
    const chosen = Array.isArray(answer) ? (answer as string[]) : [answer];
    const toggle = (option: string) => {
      const kept = options.filter(item =>
        item === option ? !chosen.includes(item) : chosen.includes(item)
      );
      this._write(kept.length ? kept : null);
    };
    return (
      <div className="nbcoach-Question-options">
        {options.map(option => (
          <label key={option}>
            <input
              type={multiple ? 'checkbox' : 'radio'}
              name={name}
              checked={chosen.includes(option)}
              onChange={() => (multiple ? toggle(option) : this._write(option))}
            />
            <span>{option}</span>
          </label>
        ))}
      </div>
    );
  }

  private readonly _write = (answer: Answer): void => {
    const source = sourceOf(this.form, answer);
    if (source !== this._model.sharedModel.getSource()) {
      this._model.sharedModel.setSource(source);
    }
  };

  private _onChanged(): void {
    this.update();
  }
}

interface IFieldProps<T> {
  readonly form: IForm;
  readonly answer: T | null;
  readonly onAnswer: (answer: T | null) => void;
  readonly trans: TranslationBundle;
}

/**
 * A number, as it is typed: a comma is taken for a point, and what is no number is not written.
 */
function NumberField(props: IFieldProps<number>): JSX.Element {
  const { form, answer, trans } = props;
  const [typed, setTyped] = React.useState<string | null>(null);
  const read = (text: string): number | null => {
    const plain = text.trim().replace(',', '.');
    return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(plain)
      ? Number(plain)
      : null;
  };
  const shown = typed ?? (answer === null ? '' : String(answer));
  const value = read(shown);
  const { minimum, maximum } = form;
  const problem =
    shown.trim() === ''
      ? null
      : value === null || !Number.isFinite(value)
        ? trans.__('This is no number.')
        : minimum !== null && value < minimum
          ? trans.__('The least number is %1.', minimum)
          : maximum !== null && value > maximum
            ? trans.__('The greatest number is %1.', maximum)
            : null;
  return (
    <div className="nbcoach-Question-number">
      <input
        type="text"
        inputMode="decimal"
        size={12}
        aria-label={form.prompt}
        aria-invalid={problem !== null}
        value={shown}
        onChange={event => {
          const text = event.target.value;
          setTyped(text);
          const next = read(text);
          const fits =
            next !== null &&
            (minimum === null || next >= minimum) &&
            (maximum === null || next <= maximum);
          if (fits || text.trim() === '') {
            props.onAnswer(fits ? next : null);
          }
        }}
        onBlur={() => problem === null && setTyped(null)}
      />
      {form.unit && <span>{form.unit}</span>}
      <span role="status" className="nbcoach-Question-problem">
        {problem ?? ''}
      </span>
    </div>
  );
}

/**
 * Options to be put into order with a button up and one down, so that keys and screen readers can do it.
 */
function OrderField(props: IFieldProps<readonly string[]>): JSX.Element {
  const { form, answer, trans } = props;
  const order = answer ?? form.options;
  const list = React.useRef<HTMLOListElement>(null);
  const move = (from: number, to: number) => {
    const next = [...order];
    next.splice(to, 0, ...next.splice(from, 1));
    props.onAnswer(next);
    const step = to < from ? 'up' : 'down';
    window.requestAnimationFrame(() =>
      list.current?.children[to]
        ?.querySelector<HTMLButtonElement>(`[data-step="${step}"]`)
        ?.focus()
    );
  };
  return (
    <>
      <ol className="nbcoach-Question-order" ref={list}>
        {order.map((option, index) => (
          <li key={option}>
            <span>{option}</span>
            <button
              type="button"
              data-step="up"
              aria-disabled={index === 0}
              aria-label={trans.__('Move up: %1', option)}
              onClick={() => index > 0 && move(index, index - 1)}
            >
              ↑
            </button>
            <button
              type="button"
              data-step="down"
              aria-disabled={index === order.length - 1}
              aria-label={trans.__('Move down: %1', option)}
              onClick={() => index < order.length - 1 && move(index, index + 1)}
            >
              ↓
            </button>
          </li>
        ))}
      </ol>
      {answer === null && (
        <button
          type="button"
          className="nbcoach-Button"
          onClick={() => props.onAnswer(form.options)}
        >
          {trans.__('This is the order')}
        </button>
      )}
    </>
  );
}
