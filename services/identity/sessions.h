/* sessions.h -- how long sessions last. */
#ifndef SFMS_IDENTITY_SESSIONS_H
#define SFMS_IDENTITY_SESSIONS_H

/* sessions_open sets after how many seconds without a refresh a session ends, and after how many in any case. */
void sessions_open(int idle_s, int longest_s);

#endif
