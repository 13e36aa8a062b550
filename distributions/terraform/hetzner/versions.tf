terraform {
  required_version = ">= 1.6.0"

  required_providers {
    hcloud = {
      source  = "hetznercloud/hcloud"
      version = "~> 1.68"
    }
  }
}

# The token is in the environment: HCLOUD_TOKEN.
provider "hcloud" {}
