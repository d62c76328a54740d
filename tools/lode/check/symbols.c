/* SPDX-License-Identifier: Apache-2.0 */
#include "symbols.h"

#include <elf.h>
#include <string.h>

typedef struct File {
  const char *at;
  size_t size;
  Elf64_Shdr *section; /* [sections] */
  uint32_t sections;
} File;

/* n bytes at an offset, or NULL where the file ends before. */
static const void *
part (const File *file, uint64_t offset, uint64_t n)
{
  return offset <= file->size && n <= file->size - offset ? file->at + offset : NULL;
}

static const char *
text_at (const File *file, uint64_t offset)
{
  const char *text = part (file, offset, 1);

  return text && memchr (text, 0, file->size - offset) ? text : NULL;
}

static bool
read_sections (File *file)
{
  Elf64_Ehdr head;
  const void *table;

  if (file->size < sizeof head)
    return false;
  memcpy (&head, file->at, sizeof head);
  table = part (file, head.e_shoff, (uint64_t) head.e_shnum * sizeof (Elf64_Shdr));
  if (!table || head.e_shentsize != sizeof (Elf64_Shdr))
    return false;
  file->section = g_memdup2 (table, (gsize) head.e_shnum * sizeof (Elf64_Shdr));
  file->sections = head.e_shnum;
  return true;
}

static bool
read_symbols (const File *file, const Elf64_Shdr *section, Symbols *symbols)
{
  if (section->sh_link >= file->sections)
    return false;
  for (uint64_t at = 0; at + sizeof (Elf64_Sym) <= section->sh_size; at += sizeof (Elf64_Sym)) {
    Elf64_Sym symbol;
    const void *from = part (file, section->sh_offset + at, sizeof symbol);
    const char *name;

    if (!from)
      return false;
    memcpy (&symbol, from, sizeof symbol);
    if (symbol.st_shndx == SHN_UNDEF || ELF64_ST_BIND (symbol.st_info) == STB_LOCAL
        || ELF64_ST_VISIBILITY (symbol.st_other) != STV_DEFAULT)
      continue;
    name = text_at (file, file->section[section->sh_link].sh_offset + symbol.st_name);
    if (!name)
      return false;
    g_ptr_array_add (symbols->exported, g_strdup (name));
  }
  return true;
}

static bool
read_flags (const File *file, const Elf64_Shdr *section, Symbols *symbols)
{
  for (uint64_t at = 0; at + sizeof (Elf64_Dyn) <= section->sh_size; at += sizeof (Elf64_Dyn)) {
    Elf64_Dyn entry;
    const void *from = part (file, section->sh_offset + at, sizeof entry);

    if (!from)
      return false;
    memcpy (&entry, from, sizeof entry);
    if (entry.d_tag == DT_FLAGS_1)
      symbols->stays = entry.d_un.d_val & DF_1_NODELETE;
    if (entry.d_tag == DT_TEXTREL || (entry.d_tag == DT_FLAGS && entry.d_un.d_val & DF_TEXTREL))
      symbols->relocates_text = true;
  }
  return true;
}

static bool
read_all (const File *file, Symbols *symbols)
{
  for (uint32_t i = 0; i < file->sections; i++) {
    const Elf64_Shdr *section = &file->section[i];

    if (section->sh_type == SHT_DYNSYM && !read_symbols (file, section, symbols))
      return false;
    if (section->sh_type == SHT_DYNAMIC && !read_flags (file, section, symbols))
      return false;
  }
  return true;
}

bool
symbols_read (const char *path, Symbols *symbols)
{
  g_autoptr (GMappedFile) map = g_mapped_file_new (path, FALSE, NULL);
  File file = { .at = map ? g_mapped_file_get_contents (map) : NULL,
                .size = map ? g_mapped_file_get_length (map) : 0 };
  bool ok;

  *symbols = (Symbols){ g_ptr_array_new_with_free_func (g_free), false, false };
  ok = read_sections (&file) && read_all (&file, symbols);
  g_free (file.section);
  if (!ok)
    symbols_clear (symbols);
  return ok;
}

void
symbols_clear (Symbols *symbols)
{
  g_ptr_array_unref (symbols->exported);
}
