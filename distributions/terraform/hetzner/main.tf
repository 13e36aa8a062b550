# One server with a data volume, a firewall, fixed addresses and DNS records.
module "cloud_init" {
  source = "../cloud-init"

  role                = var.role
  admin_user          = var.admin_user
  ssh_authorized_keys = var.ssh_authorized_keys
  ssh_source_cidrs    = var.ssh_source_cidrs
  data_device         = "/dev/disk/by-id/scsi-0HC_Volume_${hcloud_volume.data.id}"
  stack               = var.stack
  domain              = var.domain
  stack_settings      = var.stack_settings
  bundle              = var.bundle
  image               = var.gateway_image
  packages            = var.packages
}

locals {
  # "obs.example.com" in the zone "example.com" is "obs", the zone itself "@".
  record  = var.domain == var.dns_zone ? "@" : trimsuffix(var.domain, ".${var.dns_zone}")
  records = var.dns_zone == "" ? toset([]) : toset([local.record, local.record == "@" ? "*" : "*.${local.record}"])
}

# The addresses outlive the server.
resource "hcloud_primary_ip" "ipv4" {
  name              = "${var.name}-ipv4"
  type              = "ipv4"
  location          = var.location
  auto_delete       = false
  delete_protection = var.protected
  labels            = var.labels
}

resource "hcloud_primary_ip" "ipv6" {
  name              = "${var.name}-ipv6"
  type              = "ipv6"
  location          = var.location
  auto_delete       = false
  delete_protection = var.protected
  labels            = var.labels
}

resource "hcloud_firewall" "this" {
  name   = var.name
  labels = var.labels

  rule {
    description = "SSH"
    direction   = "in"
    protocol    = "tcp"
    port        = "22"
    source_ips  = var.ssh_source_cidrs
  }

  rule {
    description = "ping and path MTU"
    direction   = "in"
    protocol    = "icmp"
    source_ips  = ["0.0.0.0/0", "::/0"]
  }

  dynamic "rule" {
    for_each = module.cloud_init.public_tcp_ports
    content {
      description = "port ${rule.value}"
      direction   = "in"
      protocol    = "tcp"
      port        = tostring(rule.value)
      source_ips  = ["0.0.0.0/0", "::/0"]
    }
  }
}

resource "hcloud_volume" "data" {
  name              = "${var.name}-data"
  size              = var.volume_gb
  location          = var.location
  delete_protection = var.protected
  labels            = var.labels
}

resource "hcloud_server" "this" {
  name                     = var.name
  server_type              = var.server_type
  image                    = var.image
  location                 = var.location
  user_data                = module.cloud_init.user_data
  firewall_ids             = [hcloud_firewall.this.id]
  backups                  = var.server_backups
  delete_protection        = var.protected
  rebuild_protection       = var.protected
  shutdown_before_deletion = true
  labels                   = var.labels

  public_net {
    ipv4_enabled = true
    ipv4         = hcloud_primary_ip.ipv4.id
    ipv6_enabled = true
    ipv6         = hcloud_primary_ip.ipv6.id
  }

  lifecycle {
    # cloud-init runs once: a change of its settings would only replace the server.
    ignore_changes = [user_data, image]
  }
}

resource "hcloud_volume_attachment" "data" {
  volume_id = hcloud_volume.data.id
  server_id = hcloud_server.this.id
  automount = false # cloud-init formats and mounts it
}

resource "hcloud_zone_rrset" "ipv4" {
  for_each = local.records

  zone    = var.dns_zone
  name    = each.value
  type    = "A"
  ttl     = 300
  records = [{ value = hcloud_primary_ip.ipv4.ip_address }]
}

resource "hcloud_zone_rrset" "ipv6" {
  for_each = local.records

  zone    = var.dns_zone
  name    = each.value
  type    = "AAAA"
  ttl     = 300
  records = [{ value = hcloud_server.this.ipv6_address }]
}

resource "hcloud_rdns" "ipv4" {
  primary_ip_id = hcloud_primary_ip.ipv4.id
  ip_address    = hcloud_primary_ip.ipv4.ip_address
  dns_ptr       = var.domain
}
