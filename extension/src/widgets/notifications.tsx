import type { TranslationBundle } from '@jupyterlab/translation';
import { UseSignal } from '@jupyterlab/ui-components';
import React from 'react';
import type { News } from '../news';
import { momentOf } from './moments';
import { sentenceOf } from './news';

interface INotificationsProps {
  readonly news: News;
  readonly onOpen: (course: string, exercise: string) => void;
  readonly trans: TranslationBundle;
}

/**
 * What the learner should know and has not read yet, newest first.
 */
export function NotificationList(props: INotificationsProps): JSX.Element {
  const { news, trans } = props;
  return (
    <UseSignal signal={news.changed}>
      {() => {
        const { unread } = news;
        if (unread.length === 0) {
          return <></>;
        }
        return (
          <section
            className="nbcoach-Notifications"
            aria-labelledby="nbcoach-notifications"
          >
            <h3 id="nbcoach-notifications" className="nbcoach-Eyebrow">
              {trans.__('News')}
              <span className="nbcoach-Count">
                {trans.__('%1 unread', unread.length)}
              </span>
            </h3>
            <ul>
              {unread.map(item => (
                <li
                  key={item.id}
                  className="nbcoach-Notification"
                  data-kind={item.kind}
                  data-exercise={item.exercise}
                >
                  <p>{sentenceOf(item, trans)}</p>
                  <p className="nbcoach-Notification-facts">
                    <span>{momentOf(item.at, 'short')}</span>
                    <button
                      type="button"
                      className="nbcoach-Link"
                      onClick={() => {
                        void news.markRead([item.id]);
                        props.onOpen(item.course, item.exercise);
                      }}
                    >
                      {trans.__('Open')}
                    </button>
                    <button
                      type="button"
                      className="nbcoach-Link nbcoach-Notification-read"
                      onClick={() => void news.markRead([item.id])}
                    >
                      {trans.__('Mark as read')}
                    </button>
                  </p>
                </li>
              ))}
            </ul>
            {unread.length > 1 && (
              <button
                type="button"
                className="nbcoach-Link"
                onClick={() => void news.markRead(unread.map(({ id }) => id))}
              >
                {trans.__('Mark all as read')}
              </button>
            )}
          </section>
        );
      }}
    </UseSignal>
  );
}
