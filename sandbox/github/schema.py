"""The tables. ``refs`` holds the refs that have been announced: what git has beyond them is news."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS accounts (
  id INTEGER PRIMARY KEY AUTOINCREMENT, login TEXT NOT NULL UNIQUE COLLATE NOCASE, type TEXT NOT NULL,
  name TEXT, email TEXT, created_at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS members (
  org_id INTEGER NOT NULL REFERENCES accounts, account_id INTEGER NOT NULL REFERENCES accounts,
  role TEXT NOT NULL, PRIMARY KEY (org_id, account_id));
CREATE TABLE IF NOT EXISTS apps (
  id INTEGER PRIMARY KEY AUTOINCREMENT, slug TEXT NOT NULL UNIQUE, name TEXT NOT NULL,
  owner_id INTEGER NOT NULL, account_id INTEGER NOT NULL, public_key TEXT NOT NULL,
  created_at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS installations (
  id INTEGER PRIMARY KEY AUTOINCREMENT, app_id INTEGER NOT NULL, account_id INTEGER NOT NULL,
  created_at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS tokens (
  id INTEGER PRIMARY KEY AUTOINCREMENT, digest TEXT NOT NULL UNIQUE,
  account_id INTEGER NOT NULL REFERENCES accounts, kind TEXT NOT NULL, repository_id INTEGER,
  installation_id INTEGER, repositories TEXT, read_only INTEGER NOT NULL DEFAULT 0, expires_at TEXT);
CREATE TABLE IF NOT EXISTS oauth_clients (
  id INTEGER PRIMARY KEY AUTOINCREMENT, client_id TEXT NOT NULL UNIQUE, secret TEXT NOT NULL,
  name TEXT NOT NULL, callback_url TEXT NOT NULL, created_at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS oauth_codes (
  id INTEGER PRIMARY KEY AUTOINCREMENT, digest TEXT NOT NULL UNIQUE, client_id TEXT NOT NULL,
  account_id INTEGER NOT NULL REFERENCES accounts, redirect_uri TEXT NOT NULL, scope TEXT NOT NULL,
  challenge TEXT NOT NULL, expires_at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS device_codes (
  id INTEGER PRIMARY KEY AUTOINCREMENT, digest TEXT NOT NULL UNIQUE, user_code TEXT NOT NULL,
  client_id TEXT NOT NULL, scope TEXT NOT NULL, state TEXT NOT NULL, account_id INTEGER,
  interval INTEGER NOT NULL, polled_at REAL NOT NULL, expires_at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS sittings (
  id INTEGER PRIMARY KEY AUTOINCREMENT, digest TEXT NOT NULL UNIQUE,
  account_id INTEGER NOT NULL REFERENCES accounts, created_at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS repositories (
  id INTEGER PRIMARY KEY AUTOINCREMENT, owner_id INTEGER NOT NULL REFERENCES accounts,
  name TEXT NOT NULL COLLATE NOCASE, description TEXT, homepage TEXT,
  private INTEGER NOT NULL DEFAULT 0, is_template INTEGER NOT NULL DEFAULT 0,
  archived INTEGER NOT NULL DEFAULT 0, default_branch TEXT NOT NULL DEFAULT 'main', parent_id INTEGER,
  source_id INTEGER, template_id INTEGER, actions_enabled INTEGER NOT NULL DEFAULT 1,
  allowed_actions TEXT NOT NULL DEFAULT 'all', has_issues INTEGER NOT NULL DEFAULT 1,
  has_projects INTEGER NOT NULL DEFAULT 1, has_wiki INTEGER NOT NULL DEFAULT 1,
  allow_merge_commit INTEGER NOT NULL DEFAULT 1, allow_squash_merge INTEGER NOT NULL DEFAULT 1,
  delete_branch_on_merge INTEGER NOT NULL DEFAULT 0, last_number INTEGER NOT NULL DEFAULT 0,
  created_at TEXT NOT NULL, updated_at TEXT NOT NULL, pushed_at TEXT NOT NULL, UNIQUE (owner_id, name));
CREATE TABLE IF NOT EXISTS copies (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  repository_id INTEGER NOT NULL REFERENCES repositories ON DELETE CASCADE, source_id INTEGER NOT NULL,
  actor_id INTEGER NOT NULL, default_branch_only INTEGER NOT NULL, due_at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS former_names (
  owner_id INTEGER NOT NULL, name TEXT NOT NULL COLLATE NOCASE,
  repository_id INTEGER NOT NULL REFERENCES repositories ON DELETE CASCADE, PRIMARY KEY (owner_id,
  name));
CREATE TABLE IF NOT EXISTS collaborators (
  repository_id INTEGER NOT NULL REFERENCES repositories ON DELETE CASCADE, account_id INTEGER NOT NULL,
  permission TEXT NOT NULL, PRIMARY KEY (repository_id, account_id));
CREATE TABLE IF NOT EXISTS refs (
  repository_id INTEGER NOT NULL REFERENCES repositories ON DELETE CASCADE, name TEXT NOT NULL,
  sha TEXT NOT NULL, PRIMARY KEY (repository_id, name));
CREATE TABLE IF NOT EXISTS pulls (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  repository_id INTEGER NOT NULL REFERENCES repositories ON DELETE CASCADE, number INTEGER NOT NULL,
  title TEXT NOT NULL, body TEXT, state TEXT NOT NULL, draft INTEGER NOT NULL DEFAULT 0,
  user_id INTEGER NOT NULL, head_repository_id INTEGER, head_ref TEXT NOT NULL, head_sha TEXT NOT NULL,
  base_ref TEXT NOT NULL, base_sha TEXT NOT NULL, merge_commit_sha TEXT, mergeable INTEGER,
  merged INTEGER NOT NULL DEFAULT 0, merged_by_id INTEGER, merged_at TEXT, created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL, closed_at TEXT, UNIQUE (repository_id, number));
CREATE TABLE IF NOT EXISTS comments (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  repository_id INTEGER NOT NULL REFERENCES repositories ON DELETE CASCADE, number INTEGER NOT NULL,
  user_id INTEGER NOT NULL, body TEXT NOT NULL, created_at TEXT NOT NULL, updated_at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS reactions (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  comment_id INTEGER NOT NULL REFERENCES comments ON DELETE CASCADE, user_id INTEGER NOT NULL,
  content TEXT NOT NULL, created_at TEXT NOT NULL, UNIQUE (comment_id, user_id, content));
CREATE TABLE IF NOT EXISTS statuses (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  repository_id INTEGER NOT NULL REFERENCES repositories ON DELETE CASCADE, sha TEXT NOT NULL,
  state TEXT NOT NULL, context TEXT NOT NULL, description TEXT, target_url TEXT,
  creator_id INTEGER NOT NULL, created_at TEXT NOT NULL, updated_at TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS statuses_sha ON statuses (repository_id, sha);
CREATE TABLE IF NOT EXISTS deployments (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  repository_id INTEGER NOT NULL REFERENCES repositories ON DELETE CASCADE, ref TEXT NOT NULL,
  sha TEXT NOT NULL, task TEXT NOT NULL, payload TEXT NOT NULL, environment TEXT NOT NULL,
  description TEXT, transient INTEGER NOT NULL, production INTEGER NOT NULL,
  creator_id INTEGER NOT NULL, created_at TEXT NOT NULL, updated_at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS deployment_statuses (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  deployment_id INTEGER NOT NULL REFERENCES deployments ON DELETE CASCADE, state TEXT NOT NULL,
  description TEXT NOT NULL, environment TEXT NOT NULL, environment_url TEXT NOT NULL,
  log_url TEXT NOT NULL, creator_id INTEGER NOT NULL, created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS environments (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  repository_id INTEGER NOT NULL REFERENCES repositories ON DELETE CASCADE,
  name TEXT NOT NULL COLLATE NOCASE, wait_timer INTEGER NOT NULL DEFAULT 0, branch_policy TEXT,
  created_at TEXT NOT NULL, updated_at TEXT NOT NULL, UNIQUE (repository_id, name));
CREATE TABLE IF NOT EXISTS sealing_keys (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  repository_id INTEGER NOT NULL REFERENCES repositories ON DELETE CASCADE,
  environment_id INTEGER NOT NULL DEFAULT 0, private_key TEXT NOT NULL, UNIQUE (repository_id,
  environment_id));
CREATE TABLE IF NOT EXISTS secrets (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  repository_id INTEGER NOT NULL REFERENCES repositories ON DELETE CASCADE,
  environment_id INTEGER NOT NULL DEFAULT 0, name TEXT NOT NULL, value TEXT NOT NULL,
  created_at TEXT NOT NULL, updated_at TEXT NOT NULL, UNIQUE (repository_id, environment_id, name));
CREATE TABLE IF NOT EXISTS variables (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  repository_id INTEGER NOT NULL REFERENCES repositories ON DELETE CASCADE,
  environment_id INTEGER NOT NULL DEFAULT 0, name TEXT NOT NULL, value TEXT NOT NULL,
  created_at TEXT NOT NULL, updated_at TEXT NOT NULL, UNIQUE (repository_id, environment_id, name));
CREATE TABLE IF NOT EXISTS hooks (
  id INTEGER PRIMARY KEY AUTOINCREMENT, repository_id INTEGER REFERENCES repositories ON DELETE CASCADE,
  org_id INTEGER, app_id INTEGER, active INTEGER NOT NULL, events TEXT NOT NULL, url TEXT NOT NULL,
  content_type TEXT NOT NULL, secret TEXT, insecure_ssl TEXT NOT NULL, created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL, last_code INTEGER, last_status TEXT NOT NULL DEFAULT 'unused',
  last_message TEXT);
CREATE TABLE IF NOT EXISTS deliveries (
  id INTEGER PRIMARY KEY AUTOINCREMENT, hook_id INTEGER NOT NULL, guid TEXT NOT NULL,
  event TEXT NOT NULL, action TEXT, repository_id INTEGER, installation_id INTEGER, body TEXT NOT NULL,
  redelivery INTEGER NOT NULL, state TEXT NOT NULL, status TEXT, status_code INTEGER, duration REAL,
  request_headers TEXT, response_headers TEXT, response_body TEXT, created_at TEXT NOT NULL,
  delivered_at TEXT);
CREATE INDEX IF NOT EXISTS deliveries_waiting ON deliveries (state, hook_id, id);
CREATE TABLE IF NOT EXISTS occasions (
  id INTEGER PRIMARY KEY AUTOINCREMENT, document TEXT NOT NULL);
"""
