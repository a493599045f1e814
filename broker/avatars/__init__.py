"""Pictures of people that last: TikTok's links expire within days, so a picture is copied and shown from here.

Routes: `GET /avatars/{name}`. A sign-in that brings another picture than before gives it a name and leaves a
delivery in the outbox (`store.avatars.ask`); `copier` does it, `endpoint` shows what was copied. Which address a
token names is left to `claims`, which hosts may be asked to `upstream.tiktok_avatars`.
"""
