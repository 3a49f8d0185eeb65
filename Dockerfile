# The default variant of this image is Debian.
FROM denoland/deno:2.9.6
WORKDIR /app

# Dependencies have a layer of their own: it changes only with the lock file.
COPY deno.json deno.lock ./
RUN deno install --frozen && rm -rf "$DENO_DIR"

COPY migrations migrations
COPY src src
RUN deno run --cached-only --frozen --allow-all src/ui/build.ts \
  && deno cache --frozen src/main.ts src/migrate.ts src/cli/tasks.ts \
  && chown -R deno:deno "$DENO_DIR"

USER deno
ENV HOST=0.0.0.0 PORT=8000
EXPOSE 8000
STOPSIGNAL SIGTERM
# What the server may do, and no more: the same as src/dev/server_permissions.ts.
CMD [ \
  "deno", "run", "--cached-only", "--frozen", \
  "--no-prompt", \
  "--allow-net", \
  "--allow-env=DATABASE_URL,DATABASE_DIRECT_URL,HOST,PORT,GUESTS,ROOM_CREATION,ALLOWED_ORIGINS,MESSAGE_RATE,MESSAGE_BURST,WORKERS,OPERATORS,OPERATOR_TOKEN,MIGRATE,LOG_LEVEL,CLIENT_ADDRESS_HEADER,NODE_ENV,NODE_DEBUG,PG*,USER,USERNAME,WS_NO_BUFFER_UTIL,WS_NO_UTF_8_VALIDATE", \
  "--allow-read=dist,migrations,node_modules", \
  "src/main.ts" \
]
