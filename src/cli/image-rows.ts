import { formatDecimalSize } from "../model/byte-size.ts";
import type { ImageSummary } from "../model/image-view.ts";
import { Reference } from "../model/reference.ts";
import { formatTimeAgo } from "../model/relative-time.ts";
import { shortId } from "./ellipsis.ts";
import type { RowKind } from "./format.ts";
import { formatGoTime } from "./go-time.ts";

/** A line of `images`: one name of an image. */
export interface ImageRow {
  readonly image: ImageSummary;
  readonly repository: string;
  readonly tag: string;
  readonly digest: string;
}

const NONE = "<none>";
const CREATED = "{{if .CreatedSince }}{{.CreatedSince}}{{else}}N/A{{end}}";

export const IMAGE_TABLE = `table {{.Repository}}\t{{.Tag}}\t{{.ID}}\t${CREATED}\t{{.Size}}`;
export const IMAGE_TABLE_WITH_DIGEST = `table {{.Repository}}\t{{.Tag}}\t{{.Digest}}\t{{.ID}}\t${CREATED}\t{{.Size}}`;

/** docker's `--format raw`. */
export function imageRaw({ digest }: { readonly digest: boolean }): string {
  return [
    "repository: {{ .Repository }}",
    "tag: {{.Tag}}",
    ...(digest ? ["digest: {{.Digest}}"] : []),
    "image_id: {{.ID}}",
    "created_at: {{.CreatedAt}}",
    "virtual_size: {{.Size}}",
    "",
  ].join("\n");
}

/** The fields of `images`, as docker's formatter shows them. */
export function imageRows({ truncated }: { readonly truncated: boolean }): RowKind<ImageRow> {
  return {
    goType: "*formatter.imageContext",
    fields: {
      ID: { header: "IMAGE ID", show: ({ image }) => (truncated ? shortId(image.Id) : image.Id) },
      Repository: { header: "REPOSITORY", show: ({ repository }) => repository },
      Tag: { header: "TAG", show: ({ tag }) => tag },
      Digest: { header: "DIGEST", show: ({ digest }) => digest },
      CreatedSince: { header: "CREATED", show: ({ image }) => formatTimeAgo(createdAt(image), new Date()) },
      CreatedAt: { header: "CREATED AT", show: ({ image }) => formatGoTime(createdAt(image)) },
      Size: { header: "SIZE", show: ({ image }) => formatDecimalSize(image.Size) },
      Containers: { header: "CONTAINERS", show: ({ image }) => shownCount(image.Containers) },
      VirtualSize: { header: "SIZE", show: ({ image }) => formatDecimalSize(image.Size, 4) },
      SharedSize: { header: "SHARED SIZE", show: ({ image }) => shownSize(image.SharedSize) },
      UniqueSize: {
        header: "UNIQUE SIZE",
        show: ({ image }) => shownSize(image.SharedSize < 0 ? -1 : image.Size - image.SharedSize),
      },
    },
  };
}

/**
 * The lines that an image takes in a table: one a tag, with the digest by which that repository knows the image if
 * digests are to be shown, and one for each repository that knows it by its digest alone.
 */
export function rowsOfImage(image: ImageSummary, { digests }: { readonly digests: boolean }): ImageRow[] {
  const tags = image.RepoTags.map((name) => Reference.parse(name));
  const digested = image.RepoDigests.map((name) => Reference.parse(name));
  if (tags.length === 0 && digested.length === 0) return [{ image, repository: NONE, tag: NONE, digest: NONE }];
  const tagged = tags.flatMap(({ familiarRepository: repository, tag = NONE }): ImageRow[] => {
    const own = digested.filter((candidate) => candidate.familiarRepository === repository);
    if (!digests || own.length === 0) return [{ image, repository, tag, digest: NONE }];
    return own.map(({ digest = NONE }) => ({ image, repository, tag, digest }));
  });
  const repositories = new Set(tags.map(({ familiarRepository }) => familiarRepository));
  const untagged = digested
    .filter(({ familiarRepository }) => !repositories.has(familiarRepository))
    .map(({ familiarRepository: repository, digest = NONE }) => ({
      image,
      repository,
      tag: NONE,
      digest: digests ? digest : NONE,
    }));
  return [...tagged, ...(digests ? untagged : onePerRepository(untagged))];
}

function onePerRepository(rows: readonly ImageRow[]): ImageRow[] {
  return [...new Map(rows.map((row) => [row.repository, row])).values()];
}

function createdAt({ Created }: ImageSummary): Date {
  return new Date(Created * 1000);
}

function shownCount(count: number): string {
  return count < 0 ? "N/A" : String(count);
}

function shownSize(sizeBytes: number): string {
  return sizeBytes < 0 ? "N/A" : formatDecimalSize(sizeBytes);
}
