"""The rules of the deploy gateway: what of Cloudflare's API an app's `wrangler deploy` may use, and how.

Bytes in, values out, errors of `app/errors.py`. `multipart` and `content` read bodies as they come;
`manifest` checks which assets are announced, `modules`, `bindings` and `metadata` what a script is made of;
`scripts` and `assets` put what passes into the bundle store; `sessions` signs the token of an upload;
`envelope` is the form of every answer. Nothing here knows who asks, or HTTP: that is `app/web/gateway`. The
recording of a fork's upload is read by the same rules (`app/cloudflare/recordings.py`).
"""
