/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/elf.h"

#include <elf.h>
#include <string.h>

typedef struct File {
  const char *at;
  size_t size;
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

/* Section headers give dynamic entries and their strings at once; linkers always write them. */
static bool
read_dynamic (const File *file, const Elf64_Shdr *section, const Elf64_Shdr *all, uint32_t sections,
              GPtrArray *names)
{
  if (section->sh_link >= sections)
    return false;
  for (uint64_t at = 0; at + sizeof (Elf64_Dyn) <= section->sh_size; at += sizeof (Elf64_Dyn)) {
    Elf64_Dyn entry;
    const void *from = part (file, section->sh_offset + at, sizeof entry);
    const char *name;

    if (!from)
      return false;
    memcpy (&entry, from, sizeof entry);
    if (entry.d_tag != DT_NEEDED)
      continue;
    name = text_at (file, all[section->sh_link].sh_offset + entry.d_un.d_val);
    if (!name)
      return false;
    g_ptr_array_add (names, g_strdup (name));
  }
  return true;
}

static bool
read_sections (const File *file, GPtrArray *names)
{
  Elf64_Ehdr head;
  g_autofree Elf64_Shdr *sections = NULL;
  const void *table;

  memcpy (&head, file->at, sizeof head);
  table = part (file, head.e_shoff, (uint64_t) head.e_shnum * sizeof (Elf64_Shdr));
  if (!table || head.e_shentsize != sizeof (Elf64_Shdr))
    return false;
  sections = g_memdup2 (table, (gsize) head.e_shnum * sizeof (Elf64_Shdr));
  for (uint32_t i = 0; i < head.e_shnum; i++)
    if (sections[i].sh_type == SHT_DYNAMIC
        && !read_dynamic (file, &sections[i], sections, head.e_shnum, names))
      return false;
  return true;
}

/* A file that ends within what the loader maps would kill the process later, by SIGBUS. */
static bool
has_segments (const File *file)
{
  Elf64_Ehdr head;
  const char *table;

  memcpy (&head, file->at, sizeof head);
  table = part (file, head.e_phoff, (uint64_t) head.e_phnum * sizeof (Elf64_Phdr));
  if (!table || head.e_phentsize != sizeof (Elf64_Phdr))
    return false;
  for (uint32_t i = 0; i < head.e_phnum; i++) {
    Elf64_Phdr segment;

    memcpy (&segment, table + (size_t) i * sizeof segment, sizeof segment);
    if (segment.p_type == PT_LOAD && !part (file, segment.p_offset, segment.p_filesz))
      return false;
  }
  return true;
}

char **
lode_elf_needed (const char *path, const char **why)
{
  g_autoptr (GMappedFile) map = g_mapped_file_new (path, FALSE, NULL);
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  File file = { map ? g_mapped_file_get_contents (map) : NULL,
                map ? g_mapped_file_get_length (map) : 0 };

  if (file.size < sizeof (Elf64_Ehdr) || memcmp (file.at, ELFMAG, SELFMAG)
      || file.at[EI_CLASS] != ELFCLASS64 || file.at[EI_DATA] != ELFDATA2LSB
      || file.at[16] != ET_DYN) {
    *why = "it is not a shared object for this kind of machine";
    return NULL;
  }
  if (!has_segments (&file) || !read_sections (&file, names)) {
    *why = "the file is cut short or damaged";
    return NULL;
  }
  g_ptr_array_add (names, NULL);
  return (char **) g_ptr_array_free (g_steal_pointer (&names), FALSE);
}
