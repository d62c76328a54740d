/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables: what each format says is read as it is meant, and every mistake is named with its line.
 */
#include "fixture.h"

#include <math.h>

static LodeRecords *
parse (const char *name, const char *text, uint32_t header)
{
  LodeRecordsIn in = { .size = sizeof in, .path = name, .header = header };
  GError *error = NULL;
  LodeRecords *records = lode_records_parse (&in, text, strlen (text), &error);

  g_assert_no_error (error);
  return records;
}

static void
refused (const char *name, const char *text, const char *says)
{
  LodeRecordsIn in = { .size = sizeof in, .path = name };
  g_autoptr (GError) error = NULL;

  g_assert_null (lode_records_parse (&in, text, strlen (text), &error));
  g_assert_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_DATA);
  if (!strstr (error->message, says) || !strstr (error->message, name)
      || strchr (error->message, '\n'))
    g_error ("\"%s\" does not mention \"%s\" in one line", error->message, says);
}

/* "name:cell,cell name:…" with "~" for what is missing. */
static char *
show (const LodeRecords *records)
{
  GString *text = g_string_new (NULL);

  for (uint32_t i = 0; i < lode_records_columns (records); i++) {
    LodeColumn column = lode_records_column (records, i);

    g_string_append_printf (text, "%s%s:", i ? " " : "", column.name);
    for (uint32_t row = 0; row < lode_records_rows (records); row++)
      if (column.code ? column.code[row] < 0 : isnan (column.number[row]))
        g_string_append (text, row ? ",~" : "~");
      else if (column.code)
        g_string_append_printf (text, "%s%s", row ? "," : "", column.value[column.code[row]]);
      else
        g_string_append_printf (text, "%s%g", row ? "," : "", column.number[row]);
  }
  return g_string_free (text, FALSE);
}

static void
test_csv (void)
{
  const struct {
    const char *text, *shown;
  } cases[] = {
    { "a,b\n1,x\n2,y\n", "a:1,2 b:x,y" },
    { "1,x\n2,y", "1:1,2 2:x,y" },
    { "path,class\nu.png,cat\nv.png,dog\n", "path:u.png,v.png class:cat,dog" },
    { "u.png,cat\nv.png,dog\nw.png,cat\n", "1:u.png,v.png,w.png 2:cat,dog,cat" },
    { "a;b\r\n\r\n1,5;x\r\n2,5;y\r\n", "a:1,5,2,5 b:x,y" },
    { "a\tb\n1\t x y \n", "a:1 b:x y" },
    { "\xef\xbb\xbf"
      "a,b\n1,?\n,NA\n3,null\n",
      "a:1,~,3 b:~,~,~" },
    { "a,b\n1,\"x, \"\"y\"\"\nz\"\n2,'-1'\n", "a:1,2 b:x, \"y\"\nz,-1" },
    { "a,b\n1,-1e-3\n+2,.5\n", "a:1,2 b:-0.001,0.5" },
    { "caf\xe9,b\n1,\xfc\n", "café:1 b:ü" },
    { "a\n0x10\n", "a:0x10" },
  };

  for (guint k = 0; k < G_N_ELEMENTS (cases); k++) {
    LodeRecords *records = parse ("t.csv", cases[k].text, LODE_HEADER_AUTO);
    g_autofree char *shown = show (records);

    g_assert_cmpstr (shown, ==, cases[k].shown);
    lode_records_free (records);
  }
}

static void
test_utf16 (void)
{
  LodeRecordsIn in = { .size = sizeof in, .path = "t.csv" };
  gsize n;
  g_autofree char *bytes = g_convert ("a\tb\n1\tä\n2\tö\n", -1, "UTF-16", "UTF-8", NULL, &n, NULL);
  LodeRecords *records = lode_records_parse (&in, bytes, n, NULL);
  g_autofree char *shown = show (records);

  g_assert_cmpstr (shown, ==, "a:1,2 b:ä,ö");
  lode_records_free (records);
}

static void
test_header (void)
{
  LodeRecords *records = parse ("t.csv", "x,y\nx,y\n", LODE_HEADER_NO);

  g_assert_cmpuint (lode_records_rows (records), ==, 2);
  lode_records_free (records);
  records = parse ("t.csv", "1,2\n3,4\n\n5,6\n", LODE_HEADER_YES);
  g_assert_cmpuint (lode_records_rows (records), ==, 2);
  g_assert_cmpuint (lode_records_line (records, 1), ==, 4);
  g_assert_cmpint (lode_records_find (records, "1"), ==, 0);
  g_assert_cmpint (lode_records_find (records, "last"), ==, 1);
  g_assert_cmpint (lode_records_find (records, "3"), ==, -1);
  lode_records_free (records);
}

static void
test_arff (void)
{
  LodeRecords *records =
      parse ("t.arff",
             "% comment\n@RELATION 'a b'\n\n@attribute 'x y' REAL\n@attribute c {red, 'light "
             "blue' ,\"it\\'s\"}\n@attribute d {?,x}\n@data\n1.5, red, ?\n% no row\n?,'light "
             "blue',x\r\n-2,'it\\'s',x",
             LODE_HEADER_AUTO);
  g_autofree char *shown = show (records);

  g_assert_cmpstr (shown, ==, "x y:1.5,~,-2 c:red,light blue,it's d:?,x,x");
  g_assert_cmpstr (lode_records_column (records, 1).value[0], ==, "red"); /* as declared */
  lode_records_free (records);
}

static void
test_libsvm (void)
{
  LodeRecords *records =
      parse ("t.libsvm", "+1 1:0.5 3:2 # comment\n-1 qid:3 2:-1e2\n\n2\n", LODE_HEADER_AUTO);
  g_autofree char *shown = show (records);

  g_assert_cmpstr (shown, ==, "target:1,-1,2 1:0.5,0,0 2:0,-100,0 3:2,0,0");
  g_assert_cmpuint (lode_records_line (records, 2), ==, 4);
  lode_records_free (records);
}

static void
test_refused (void)
{
  GString *wide = g_string_new ("1 1048576:1\n");

  refused ("t.csv", "", "no row");
  refused ("t.csv", "a,b\n1,2\n3\n", "line 3: 1 cell; expected 2");
  refused ("t.csv", "a,b\n1,\"2\n3,4\n", "line 2: a quote begins here");
  refused ("t.csv", "a,b\n1,\"2\"3\n", "line 2: text behind a closing quote");
  refused ("t.csv", "a,a\n1,2\n3,4\n", "two columns are called \"a\"");
  refused ("t.arff", "@relation x\n@attribute a real\n", "no @data");
  refused ("t.arff", "@relation x\n@data\n1\n", "line 2: @data without");
  refused ("t.arff", "@attribute a {x,y}\n@data\nz\n", "line 3: \"z\" is none of the 2 values");
  refused ("t.arff", "@attribute a real\n@data\n1,2\n", "line 3: 2 values; expected 1");
  refused ("t.arff", "@attribute a real\n@data\n{0 1}\n", "sparse");
  refused ("t.arff", "@attribute a complex\n@data\n1\n", "type of the attribute");
  refused ("t.libsvm", "1 2:3 1:4\n", "line 1: index 1; expected rising");
  refused ("t.libsvm", "1 2:x\n", "expected index:value");
  refused ("t.libsvm", "x 1:2\n", "the target");
  for (int i = 0; i < 300; i++)
    g_string_append (wide, "1\n");
  refused ("t.libsvm", wide->str, "do not fit");
  g_string_free (wide, TRUE);
}

static LodeTargets
assign (LodeRecords *records, LodeTargetsIn in, const char *target, GError **error)
{
  LodeTargets out = { .size = sizeof out };

  in.size = sizeof in;
  in.target = (LodeTexts){ target != NULL, &target };
  if (!lode_records_targets (records, &in, &out, error))
    g_assert_true (!error || *error);
  return out;
}

static void
test_targets (void)
{
  LodeRecords *records = parse ("t.csv",
                                "x,digit,word,real,many,split,group,w\n1,10,b,0.5,1,train,p,1\n"
                                "2,9,a,1.5,2,VAL,q,\n3,10,?,2.5,3,test,p,0\n",
                                LODE_HEADER_YES);
  LodeTargetsIn all = { .split = "split", .group = "group", .weight = "w" };
  GError *error = NULL;
  LodeTargets out = assign (records, all, "word", &error);
  const int32_t words[] = { 1, 0, -1 }, digits[] = { 1, 0, 1 }, splits[] = { 0, 1, 2 };
  const int32_t groups[] = { 0, 1, 0 };
  const float weights[] = { 1, 1, 0 }, reals[] = { 0.5f, 1.5f, 2.5f };

  g_assert_no_error (error);
  g_assert_cmpuint (out.classes, ==, 2);
  g_assert_cmpmem (out.label, 12, words, 12);
  g_assert_cmpmem (out.split, 12, splits, 12);
  g_assert_cmpmem (out.group, 12, groups, 12);
  g_assert_cmpmem (out.weight, 12, weights, 12);
  g_assert_cmpuint (out.has, ==, LODE_HAS_SPLIT | LODE_HAS_GROUP | LODE_HAS_WEIGHT);
  out = assign (records, (LodeTargetsIn){ 0 }, "digit", &error);
  g_assert_cmpmem (out.label, 12, digits, 12); /* numbers in their order, not that of text */
  g_assert_cmpstr (out.name[0], ==, "9");
  out = assign (records, (LodeTargetsIn){ 0 }, "real", &error);
  g_assert_cmpuint (out.targets, ==, 1);
  g_assert_cmpmem (out.target, 12, reals, 12);
  out = assign (records, (LodeTargetsIn){ .task = LODE_TASK_REALS }, "digit", &error);
  g_assert_cmpfloat (out.target[1], ==, 9);
  out = assign (records, (LodeTargetsIn){ 0 }, NULL, &error);
  g_assert_cmpuint (out.classes + out.targets, ==, 0);
  lode_records_free (records);
}

static void
wrong (const char *text, LodeTargetsIn in, const char *target, const char *says)
{
  LodeRecords *records = parse ("t.csv", text, LODE_HEADER_YES);
  g_autoptr (GError) error = NULL;

  assign (records, in, target, &error);
  g_assert_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_DATA);
  if (!strstr (error->message, says))
    g_error ("\"%s\" does not mention \"%s\"", error->message, says);
  lode_records_free (records);
}

static void
test_wrong_targets (void)
{
  const char *const names[] = { "a", "c" };

  wrong ("x,y\n1,a\n", (LodeTargetsIn){ 0 }, "z",
         "no column \"z\" for the target; its columns are x, y");
  wrong ("x,y\n1,a\n", (LodeTargetsIn){ 0 }, "", "no column \"\"");
  wrong ("x,y\n1.5,a\n,b\n", (LodeTargetsIn){ .task = LODE_TASK_REALS }, "x",
         "line 3: target \"x\" is missing");
  wrong ("x,y\n1,a\n", (LodeTargetsIn){ .task = LODE_TASK_REALS }, "y", "not a column of numbers");
  wrong ("x,y\n1,a\n2,b\n", (LodeTargetsIn){ .classes = { 2, names } }, "y",
         "line 3: class \"b\" is none of the 2");
  wrong ("x,y,s\n1,a,train\n2,b,\n", (LodeTargetsIn){ .split = "s" }, "y", "line 3: split \"\"");
  wrong ("x,y,s\n1,a,some\n2,b,train\n", (LodeTargetsIn){ .split = "s" }, "y",
         "line 2: split \"some\"");
  wrong ("x,y,w\n1,a,-1\n2,b,1\n", (LodeTargetsIn){ .weight = "w" }, "y",
         "line 2: weight \"w\" is negative");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/records/csv", test_csv);
  g_test_add_func ("/records/utf16", test_utf16);
  g_test_add_func ("/records/header", test_header);
  g_test_add_func ("/records/arff", test_arff);
  g_test_add_func ("/records/libsvm", test_libsvm);
  g_test_add_func ("/records/refused", test_refused);
  g_test_add_func ("/records/targets", test_targets);
  g_test_add_func ("/records/wrong-targets", test_wrong_targets);
  return g_test_run ();
}
