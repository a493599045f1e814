// TikTok's dialect: client_key, scopes with commas, and two calls for what OpenID Connect calls a token answer.

/** Sign-in through the TikTok at `base`, which sends the browser back to `redirectUri`. */
export const tiktok = ({ base, clientKey, clientSecret, redirectUri }) => ({
  authorizeUrl: (state) => `${base}/v2/auth/authorize/?${new URLSearchParams({
    client_key: clientKey, scope: 'user.info.basic', response_type: 'code', redirect_uri: redirectUri, state,
  })}`,

  whoIs: async (code) => {
    const answer = await fetch(`${base}/v2/oauth/token/`, {
      method: 'POST',
      body: new URLSearchParams({
        client_key: clientKey,
        client_secret: clientSecret,
        code,
        grant_type: 'authorization_code',
        redirect_uri: redirectUri,
      }),
    });
    const { access_token: token, open_id: openId } = await answer.json();
    if (!answer.ok || !token) throw new Error('TikTok refused the code');

    const told = await fetch(`${base}/v2/user/info/?fields=open_id,union_id,avatar_url,display_name`, {
      headers: { authorization: `Bearer ${token}` },
    });
    const { data, error } = await told.json();
    if (error?.code !== 'ok' || data?.user?.open_id !== openId) throw new Error('TikTok did not say who it is');
    return data.user;
  },
});
