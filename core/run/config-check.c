/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The order of tokens: what may follow what, settings given twice, and a hint for each of the usual
 * slips. After a mistake the check goes on where a reader would, and says at most one thing a line.
 */
#include "run/config-private.h"

#include <string.h>

#define DEEPEST 64 /* libconfig's parser and what walks trees recurse */
#define MOST_ERRORS 20

typedef enum { SETTING, EQUALS, VALUE, AFTER } State;

/* A bracket that is open; the outermost stands for the file. */
typedef struct Level {
  const LodeToken *open;  /* NULL: the file */
  const LodeToken *first; /* of an array: its first value */
  GHashTable *names;      /* of a group: name → LodeToken * */
} Level;

typedef struct Check {
  const LodeToken *token, *begin, *said;       /* said: where the last mistake was */
  const LodeToken *name;                       /* of the setting that is being read */
  const LodeToken *misplaced, *misplaced_open; /* a } that is not below its line's beginning */
  State state;
  uint32_t depth;
  Level level[DEEPEST + 1];
  GPtrArray *errors;
  uint32_t n;
  bool stop;
} Check;

static void complain (Check *check, const LodeToken *at, const char *format, ...)
    G_GNUC_PRINTF (3, 4);

static void
complain (Check *check, const LodeToken *at, const char *format, ...)
{
  g_autofree char *text = NULL, *origin = lode_token_origin (at);
  va_list list;

  if (check->said && check->said->line == at->line && check->said->file == at->file)
    return;
  check->said = at;
  if (check->n++ == MOST_ERRORS) {
    g_ptr_array_add (check->errors, g_strdup_printf ("%s: and more; these are left out", origin));
    check->stop = true;
    return;
  }
  va_start (list, format);
  text = g_strdup_vprintf (format, list);
  va_end (list);
  g_ptr_array_add (check->errors, g_strdup_printf ("%s: %s", origin, text));
}

static Level *
level_of (Check *check)
{
  return &check->level[check->depth];
}

static bool
in_group (Check *check)
{
  return !level_of (check)->open || level_of (check)->open->kind == '{';
}

static char
closing (char open)
{
  return open == '{' ? '}' : open == '[' ? ']' : ')';
}

static bool
is_scalar (char kind)
{
  return kind && strchr ("birtnw", kind);
}

/* The token as a user knows it, for "expected …, found …". */
static char *
found (const LodeToken *token)
{
  g_autofree char *shown = lode_token_shown (token->text ? token->text : "");

  if (token->kind == LODE_TOKEN_END)
    return g_strdup ("the end");
  if (token->kind == LODE_TOKEN_TEXT)
    return g_strdup_printf ("\"%s\"", shown);
  if (strchr ("=,;{}[]()", token->kind))
    return g_strdup_printf ("'%s'", shown);
  return g_steal_pointer (&shown);
}

static void
open_level (Check *check, State state)
{
  if (check->depth == DEEPEST) {
    complain (check, check->token, "groups and lists stand in each other more than %d deep",
              DEEPEST);
    check->stop = true;
    return;
  }
  check->level[++check->depth] = (Level){ .open = check->token };
  check->state = state;
}

static void
close_level (Check *check)
{
  g_clear_pointer (&level_of (check)->names, g_hash_table_unref);
  check->depth--;
  check->state = AFTER;
}

/* A } that begins a line stands below the line that its { ends; one that does not tells, once the
 * file ends with a { still open, where to look. */
static void
note_misplaced (Check *check)
{
  const LodeToken *open = level_of (check)->open, *first = open;

  while (first > check->begin && !first->first)
    first--;
  if (check->misplaced || !check->token->first || check->token->column == first->column)
    return;
  check->misplaced = check->token;
  check->misplaced_open = open;
}

/* A closing bracket, wherever it may stand. */
static void
close_bracket (Check *check)
{
  const LodeToken *open = level_of (check)->open;

  if (!open) {
    complain (check, check->token,
              "this '%s' closes nothing; remove it, or one before it is too many",
              check->token->text);
    return;
  }
  if (closing (open->kind) == check->token->kind)
    note_misplaced (check);
  else
    complain (check, check->token, "expected '%c', found '%s' (the '%c' of line %u is still open)",
              closing (open->kind), check->token->text, open->kind, open->line);
  /* [ 1, 2 } leaves out the ] rather than the } */
  if (closing (open->kind) != check->token->kind && check->depth > 1
      && closing (check->level[check->depth - 1].open->kind) == check->token->kind)
    close_level (check);
  close_level (check);
}

static void
note_name (Check *check)
{
  Level *level = level_of (check);
  const LodeToken *before;

  check->name = check->token;
  if (!level->names)
    level->names = g_hash_table_new (g_str_hash, g_str_equal);
  before = g_hash_table_lookup (level->names, check->token->text);
  if (before) {
    g_autofree char *first = lode_token_origin (before);

    complain (check, check->token,
              "%s is set twice, first at %s; remove one (to change what another file sets, name "
              "both on the command line)",
              check->token->text, first);
  } else
    g_hash_table_insert (level->names, (gpointer) check->token->text, (gpointer) check->token);
}

static bool
is_decimal_comma (const Check *check)
{
  const LodeToken *t = check->token;

  return t - check->begin >= 3 && t->kind == LODE_TOKEN_INT && t[-1].kind == ','
         && t[-2].kind == LODE_TOKEN_INT && t[-3].kind == '=' && t->line == t[-2].line;
}

static void
not_a_setting (Check *check)
{
  const LodeToken *token = check->token;
  g_autofree char *what = found (token);

  if (token == check->begin && strchr ("{[", token->kind)) {
    complain (check, token,
              "this looks like JSON or TOML; a configuration is libconfig's: name = value; name = "
              "{ … };");
    check->stop = true;
  } else if (is_decimal_comma (check))
    complain (check, token, "%s,%s is no number; expected a decimal point: %s.%s", token[-2].text,
              what, token[-2].text, what);
  else if (strchr (",;", token->kind))
    complain (check, token, "there is no setting before this %s; remove it", what);
  else if (token->kind == LODE_TOKEN_TEXT)
    complain (check, token, "expected the name of a setting, found %s; names have no quotes", what);
  else if (token->kind == LODE_TOKEN_WORD && strchr (token->text, '.')
           && g_ascii_isalpha (*token->text))
    complain (check, token,
              "%s is no name; what lies in a group is written a = { b = …; }; (only the command "
              "line knows a.b=…)",
              what);
  else if (token->kind == '[')
    complain (check, token,
              "expected the name of a setting, found '['; a group is written name = { "
              "… };");
  else
    complain (check, token,
              "expected the name of a setting (letters, digits, - and _, a letter first), found %s",
              what);
}

static void
at_setting (Check *check)
{
  switch (check->token->kind) {
  case LODE_TOKEN_NAME:
    note_name (check);
    check->state = EQUALS;
    return;
  case '}':
  case ']':
  case ')':
    close_bracket (check);
    return;
  default:
    not_a_setting (check);
    if (is_scalar (check->token->kind) && check->token[1].kind == '=') {
      check->name = check->token;
      check->state = EQUALS;
    } else if (strchr ("{[(", check->token->kind))
      open_level (check, check->token->kind == '{' ? SETTING : VALUE);
    else
      check->state = SETTING;
  }
}

static void at_value (Check *);

static void
at_equals (Check *check)
{
  const LodeToken *token = check->token;
  g_autofree char *what = found (token);

  if (token->kind == '=') {
    check->state = VALUE;
    return;
  }
  complain (check, token->kind && token->line == check->name->line ? token : check->name,
            "expected %s = …, found %s", check->name->text, what);
  if (token->kind == LODE_TOKEN_NAME && token[1].kind == '=')
    at_setting (check);
  else if (strchr (";,", token->kind))
    check->state = SETTING;
  else
    at_value (check);
}

static bool
is_word (const char *word, const char *const *list)
{
  for (; *list; list++)
    if (!g_ascii_strcasecmp (word, *list))
      return true;
  return false;
}

/* A name or another word where a value should be. */
static void
bare_word (Check *check)
{
  static const char *const yes[] = { "yes", "on", "no", "off", "y", "n", NULL },
                           *const none[] = { "none", "null", "nil", NULL },
                           *const wild[] = { "nan", "inf", "+inf", "-inf", "infinity", NULL };
  g_autofree char *what = lode_token_shown (check->token->text);

  if (is_word (what, yes))
    complain (check, check->token, "%s is no value; expected true or false", what);
  else if (is_word (what, none))
    complain (check, check->token, "%s is no value; leave the setting out for its default", what);
  else if (is_word (what, wild))
    complain (check, check->token, "%s is no value; expected a finite number", what);
  else if (g_ascii_isdigit (what[*what == '-' || *what == '+']) || *what == '.')
    complain (check, check->token, "%s is no number; a text needs quotes: \"%s\"", what, what);
  else
    complain (check, check->token, "%s is no value; a text needs quotes: \"%s\"", what, what);
}

/* Arrays hold values of one kind; what else they are mistaken for is a list. */
static void
check_in_array (Check *check)
{
  Level *level = level_of (check);
  const LodeToken *token = check->token;

  if (strchr ("{[(", token->kind))
    complain (check, token,
              "[ ] holds numbers, texts, or true and false; a list of lists or groups "
              "is written ( %c … %c, … )",
              token->kind, closing (token->kind));
  else if (!level->first)
    level->first = token;
  else if (level->first->kind != token->kind
           && !(strchr ("ir", level->first->kind) && strchr ("ir", token->kind))) {
    g_autofree char *what = found (token), *first = found (level->first);

    complain (check, token, "[ ] holds values of one kind, found %s beside %s; expected ( … )",
              what, first);
  }
}

static void
no_value (Check *check)
{
  const LodeToken *token = check->token, *before = token - (token > check->begin);
  g_autofree char *what = found (token);

  if (!in_group (check) && before->kind == ',')
    complain (check, before, "expected a value after this comma, found %s (remove the comma)",
              what);
  else if (!in_group (check))
    complain (check, token, "expected a value, found %s", what);
  else
    complain (check, token->kind ? token : check->name, "expected %s = a value, found %s",
              check->name ? check->name->text : "", what);
}

static void
at_value (Check *check)
{
  const LodeToken *token = check->token;

  if (token->kind == LODE_TOKEN_NAME && token[1].kind == '=' && !token[1].first) {
    /* the value is missing and the next setting begins; or a list is not closed */
    no_value (check);
    if (!in_group (check))
      close_level (check);
    at_setting (check);
    return;
  }
  if (is_scalar (token->kind) || strchr ("{[(", token->kind)) {
    if (strchr ("nw", token->kind))
      bare_word (check);
    else if (!in_group (check) && level_of (check)->open->kind == '[')
      check_in_array (check);
    check->state = AFTER;
    if (strchr ("{[(", token->kind))
      open_level (check, token->kind == '{' ? SETTING : VALUE);
    return;
  }
  if (strchr ("}])", token->kind)) {
    if (in_group (check) || token[-1].kind == ',')
      no_value (check);
    close_bracket (check);
    return;
  }
  no_value (check);
  if (in_group (check) && strchr (";,", token->kind))
    check->state = SETTING;
  else if (token->kind == ';') {
    close_level (check);
    check->state = SETTING;
  }
}

static void
after_in_list (Check *check)
{
  const LodeToken *token = check->token, *open = level_of (check)->open;
  char close = closing (open->kind);
  g_autofree char *what = found (token);

  if (token->kind == ',')
    check->state = VALUE;
  else if (token->kind == close)
    close_bracket (check);
  else if (token->kind == ';' || (token->kind == LODE_TOKEN_NAME && token[1].kind == '=')) {
    complain (check, token, "expected ',' or '%c', found %s (the '%c' of line %u is still open)",
              close, what, open->kind, open->line);
    close_level (check);
    if (token->kind == ';')
      check->state = SETTING;
    else
      at_setting (check);
  } else if (strchr ("}])", token->kind))
    close_bracket (check);
  else {
    complain (check, token, "expected ',' or '%c', found %s", close, what);
    if (token->kind != '=')
      at_value (check);
  }
}

static void
at_after (Check *check)
{
  const LodeToken *token = check->token;

  if (!in_group (check))
    after_in_list (check);
  else if (strchr (";,", token->kind))
    check->state = SETTING;
  else if (token->kind == LODE_TOKEN_TEXT && token[-1].kind == LODE_TOKEN_TEXT)
    return; /* texts side by side are one */
  else
    at_setting (check);
}

static void
at_end (Check *check)
{
  const LodeToken *open = check->depth ? level_of (check)->open : NULL;

  if (check->stop)
    return;
  if (check->state == EQUALS)
    at_equals (check);
  else if (check->state == VALUE && in_group (check))
    no_value (check);
  if (!open)
    return;
  if (check->misplaced && open->kind == '{')
    complain (check, check->misplaced_open,
              "this '{' is not closed before the '}' of line %u, which by its place closes another",
              check->misplaced->line);
  else
    complain (check, open, "this '%c' is never closed; expected '%c'", open->kind,
              closing (open->kind));
}

bool
lode_config_check (const LodeToken *tokens, GPtrArray *errors)
{
  static void (*const at[]) (Check *) = { at_setting, at_equals, at_value, at_after };
  g_autofree Check *check = g_new0 (Check, 1);

  check->token = check->begin = tokens;
  check->errors = errors;
  for (; check->token->kind && !check->stop; check->token++) {
    if (check->token->kind == LODE_TOKEN_MISTAKE)
      complain (check, check->token, "%s", check->token->text);
    else
      at[check->state](check);
  }
  at_end (check);
  for (uint32_t i = 0; i <= check->depth; i++)
    g_clear_pointer (&check->level[i].names, g_hash_table_unref);
  return check->n == 0;
}
